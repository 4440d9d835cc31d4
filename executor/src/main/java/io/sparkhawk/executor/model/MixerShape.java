package io.sparkhawk.executor.model;

/**
 * The sizes of a student's mixer. The rows of its input projection are x, B, C, z, A in this order;
 * B and C are there if the mixer has states, A if it decays.
 */
record MixerShape(
    MixerKind kind,
    int width,
    int innerWidth,
    int heads,
    int stateSize,
    int convWidth,
    int chunkSize) {

  int headSize() {
    return innerWidth / heads;
  }

  /** Channels of B, and as many of C. */
  int stateChannels() {
    return kind.hasStates() ? heads * stateSize : 0;
  }

  /** Channels of x, B and C, over which the convolution runs. */
  int convChannels() {
    return innerWidth + 2 * stateChannels();
  }

  int projectionRows() {
    return convChannels() + innerWidth + (kind.decays() ? heads : 0);
  }
}
