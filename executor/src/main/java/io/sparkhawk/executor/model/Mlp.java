package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;
import java.util.stream.Stream;

/** Phi's position-wise network: fc2(gelu_tanh(fc1(x))). */
record Mlp(Linear fc1, Linear fc2) {

  static Mlp from(ParameterSource source, String name, long width, long innerWidth) {
    return new Mlp(
        Linear.from(source, name + ".fc1", width, innerWidth),
        Linear.from(source, name + ".fc2", innerWidth, width));
  }

  NDArray forward(NDArray x) {
    return fc2.forward(Operators.geluTanh(fc1.forward(x)));
  }

  List<Parameter> parameters() {
    return Stream.of(fc1, fc2).flatMap(layer -> layer.parameters().stream()).toList();
  }
}
