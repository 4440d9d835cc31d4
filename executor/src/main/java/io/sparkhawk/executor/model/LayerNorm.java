package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;

/** Layer normalisation over the width, with weight and bias. */
public record LayerNorm(Parameter weight, Parameter bias, double epsilon) {

  static LayerNorm from(ParameterSource source, String name, long width, double epsilon) {
    return new LayerNorm(
        source.parameter(name + ".weight", width),
        source.parameter(name + ".bias", width),
        epsilon);
  }

  /** (..., width) to (..., width). */
  public NDArray forward(NDArray x) {
    return Operators.layerNorm(x, weight.value(), bias.value(), epsilon);
  }

  List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}
