package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.function.UnaryOperator;

/** Applies a function whose intermediate tensors are freed as soon as it returns. */
final class Scoped {

  private Scoped() {}

  static NDArray call(UnaryOperator<NDArray> function, NDArray x) {
    try (TensorScope scope = TensorScope.open()) {
      return scope.keep(function.apply(x));
    }
  }
}
