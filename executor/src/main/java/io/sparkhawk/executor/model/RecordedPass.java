package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** A computation that libtorch records and differentiates. */
final class RecordedPass implements Pass {

  private final NDArray input;
  private final boolean inputGradient;
  private final NDArray output;

  private RecordedPass(NDArray input, boolean inputGradient, NDArray output) {
    this.input = input;
    this.inputGradient = inputGradient;
    this.output = output;
  }

  /**
   * Computes {@code function} of {@code input}.
   *
   * @param inputGradient whether the input's gradient will be wanted
   */
  static Pass of(NDArray input, boolean inputGradient, UnaryOperator<NDArray> function) {
    NDArray start = inputGradient ? Gradients.leaf(input) : Gradients.constant(input);
    try (Gradients recording = Gradients.record()) {
      NDArray output = function.apply(start);
      return new RecordedPass(TensorScope.detach(start), inputGradient, TensorScope.detach(output));
    }
  }

  @Override
  public NDArray output() {
    return output;
  }

  @Override
  public Optional<NDArray> backward(NDArray outputGradient) {
    Gradients.backward(output, outputGradient);
    return inputGradient ? Optional.of(Gradients.of(input)) : Optional.empty();
  }

  @Override
  public void close() {
    output.close();
    input.close();
  }
}
