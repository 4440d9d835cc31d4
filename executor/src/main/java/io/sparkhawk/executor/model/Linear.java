package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Gradients;
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

  /**
   * Adds what follows for weight and bias, where they are trained; not recorded.
   *
   * @param x the input, (rows, in)
   * @param outputGradient (rows, out)
   */
  public void addGradients(NDArray x, NDArray outputGradient) {
    addWeightGradient(weight, x, outputGradient);
    if (bias.isTrained()) {
      bias.addGradient(Operators.sum(outputGradient, 0));
    }
  }

  /** As {@link #addGradients} for a weight (out, in) alone. */
  static void addWeightGradient(Parameter weight, NDArray x, NDArray outputGradient) {
    weight.addProduct(Operators.transpose(outputGradient, 0, 1), x);
  }

  /**
   * The gradient of the input; not recorded.
   *
   * @param outputGradient (rows, out)
   * @return (rows, in)
   */
  public NDArray inputGradient(NDArray outputGradient) {
    return Operators.matrixProduct(outputGradient, Gradients.constant(weight.value()));
  }

  List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}
