package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * A forward computation together with what its backward pass needs, which it holds until it is
 * closed. Most are recorded by libtorch; those with kernels of our own say by hand what follows
 * from what.
 */
public interface Pass extends AutoCloseable {

  /** The result, there until the scope ends in which the pass was made, unless it is kept. */
  NDArray output();

  /**
   * Adds to the gradients of the trained weights what follows from {@code outputGradient}. Once
   * only.
   *
   * @param outputGradient like the output
   * @return the gradient of the input; empty if the pass was made without
   */
  Optional<NDArray> backward(NDArray outputGradient);

  @Override
  void close();
}
