package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;

/**
 * What a mixer remembers of a sequence that it is given piece by piece: all that later positions
 * need of the earlier ones. Serves inference: its steps are not differentiable. Not safe for use by
 * several threads.
 */
public interface MixerState extends AutoCloseable {

  /**
   * Takes in the next positions of the sequence.
   *
   * @param u normalised block input (batch, length, width), of any length from 1 on
   * @return (batch, length, width): the rows that {@link Mixer#forward} of the whole sequence has
   *     at these positions
   */
  NDArray advance(NDArray u);

  /** The tensor memory, in bytes, that the positions so far take. */
  long bytes();

  @Override
  void close();
}
