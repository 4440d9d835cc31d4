package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * The distance of a mixer's matrix from an attention map on the same hidden state: the mean over
 * batch and heads of the Frobenius norm of their difference (arXiv 2408.10189, equation 8).
 */
public interface MatrixDistance {

  /**
   * A comparison.
   *
   * @param distance one element, in the accumulation type
   * @param mixerOutput the attention's output, (batch, length, width), for the blocks after it
   */
  record Result(NDArray distance, NDArray mixerOutput) {}

  /**
   * Compares.
   *
   * @param hidden the input of both blocks (batch, length, width)
   * @param u the teacher's normalisation of it
   */
  Result measure(NDArray hidden, NDArray u);

  /** As {@link #measure}; adds the gradients, times {@code weight}, of the student's weights. */
  Result train(NDArray hidden, NDArray u, double weight);

  /** The comparison of two blocks, the teacher's being attention. */
  static MatrixDistance between(Block teacher, Block student) {
    if (student.mixer() instanceof DiscreteMamba2 mixer
        && teacher.mixer() instanceof PhiAttention attention) {
      Optional<MatrixDistance> fused = mixer.distanceFrom(attention, student);
      if (fused.isPresent()) {
        return fused.get();
      }
    }
    return new MaterialisedDistance(teacher, student);
  }
}
