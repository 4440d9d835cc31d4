package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import java.util.List;

/** The part of a block that moves information between positions: attention or Mamba-2. */
public interface Mixer {

  /**
   * The mixer's output, in time linear in the length where the mixer allows it.
   *
   * @param u normalised block input (batch, length, width)
   * @return (batch, length, width)
   */
  NDArray forward(NDArray u);

  /**
   * As {@link #forward}, with what the backward pass needs.
   *
   * @param inputGradient whether the gradient of {@code u} will be wanted
   */
  default Pass train(NDArray u, boolean inputGradient) {
    return RecordedPass.of(u, inputGradient, this::forward);
  }

  /**
   * The mixer as a matrix over positions: row i says how much of each position j enters i.
   *
   * @param u normalised block input (batch, length, width)
   * @return (batch, heads, length, length), lower triangular
   */
  NDArray matrix(NDArray u);

  /**
   * The mixer before the first position of sequences that it will be given piece by piece. Unless a
   * mixer has a recurrent form of its own, all inputs are remembered.
   *
   * @param batch sequences that go side by side
   */
  default MixerState start(long batch) {
    return new InputHistory(this);
  }

  /** The longest sequence, in positions, that the mixer can take. */
  default long longestSequence() {
    return Long.MAX_VALUE;
  }

  /** All weights, in the order of their use. */
  List<Parameter> parameters();

  /** The weights that {@link #matrix} depends on. */
  List<Parameter> matrixParameters();
}
