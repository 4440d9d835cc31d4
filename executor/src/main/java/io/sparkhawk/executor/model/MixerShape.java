package io.sparkhawk.executor.model;

/**
 * The sizes of a student's mixer. The rows of its input projection are x, B, C, z, A in this order;
 * B and C are there if the mixer has states, A if it decays.
 */
public record MixerShape(
    MixerKind kind,
    int width,
    int innerWidth,
    int heads,
    int stateSize,
    int convWidth,
    int chunkSize) {

  /** Entries of x for each head. */
  public int headSize() {
    return innerWidth / heads;
  }

  /** Channels of B, and as many of C. */
  public int stateChannels() {
    return kind.hasStates() ? heads * stateSize : 0;
  }

  /** Channels of x, B and C, over which the convolution runs. */
  public int convChannels() {
    return innerWidth + 2 * stateChannels();
  }

  /** Rows of the input projection. */
  public int projectionRows() {
    return convChannels() + innerWidth + (kind.decays() ? heads : 0);
  }
}
