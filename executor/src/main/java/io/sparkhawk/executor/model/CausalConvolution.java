package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;

/** Causal depth-wise convolution over positions, as shifted products. */
final class CausalConvolution {

  private final Parameter weight; // (channels, 1, taps); the last tap is the position itself
  private final Parameter bias; // (channels)

  CausalConvolution(ParameterSource source, String name, long channels, long taps) {
    this.weight = source.parameter(name + ".weight", channels, 1, taps);
    this.bias = source.parameter(name + ".bias", channels);
  }

  /**
   * The convolution of all channels.
   *
   * @param x (batch, length, channels)
   * @return like x
   */
  NDArray forward(NDArray x) {
    return forward(x, 0);
  }

  /**
   * The convolution of some neighbouring channels.
   *
   * @param x (batch, length, some channels)
   * @param firstChannel which channel of the convolution the first of {@code x} is
   * @return like x
   */
  NDArray forward(NDArray x, long firstChannel) {
    return over(Operators.padLength(x, taps() - 1, 0), firstChannel);
  }

  /**
   * The convolution over positions whose predecessors are known.
   *
   * @param window (batch, taps - 1 + length, some channels)
   * @param firstChannel which channel of the convolution the first of {@code window} is
   * @return (batch, length, some channels)
   */
  NDArray over(NDArray window, long firstChannel) {
    long length = window.getShape().get(1) - taps() + 1;
    long channels = window.getShape().get(2);
    NDArray some = Operators.narrow(weight.value(), 0, firstChannel, channels);
    NDArray byTap = Operators.transpose(Operators.reshape(some, channels, taps()), 0, 1);
    NDArray sum = Operators.narrow(bias.value(), 0, firstChannel, channels);
    for (int tap = 0; tap < taps(); tap++) {
      NDArray shifted = Operators.narrow(window, 1, tap, length);
      sum = Operators.add(sum, Operators.multiply(shifted, Operators.narrow(byTap, 0, tap, 1)));
    }
    return sum;
  }

  private long taps() {
    return weight.shape().get(2);
  }

  Parameter weight() {
    return weight;
  }

  Parameter bias() {
    return bias;
  }

  List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}
