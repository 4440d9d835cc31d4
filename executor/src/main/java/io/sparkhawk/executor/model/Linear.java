package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;

/** x W^T + b. */
public record Linear(Parameter weight, Parameter bias) {

  static Linear from(ParameterSource source, String name, long in, long out) {
    return new Linear(
        source.parameter(name + ".weight", out, in), source.parameter(name + ".bias", out));
  }

  /** (..., in) to (..., out). */
  public NDArray forward(NDArray x) {
    return Operators.linear(x, weight.value(), bias.value());
  }

  List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}
