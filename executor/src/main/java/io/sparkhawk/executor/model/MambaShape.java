package io.sparkhawk.executor.model;

/** The sizes of a discrete Mamba-2 mixer; the projection's rows are x, B, C, z, A in this order. */
record MambaShape(
    int width, int innerWidth, int heads, int stateSize, int convWidth, int chunkSize) {

  int headSize() {
    return innerWidth / heads;
  }

  /** Channels of x, B and C, over which the convolution runs. */
  int convChannels() {
    return innerWidth + 2 * heads * stateSize;
  }

  int projectionRows() {
    return convChannels() + innerWidth + heads;
  }
}
