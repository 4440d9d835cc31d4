package io.sparkhawk.executor.kernel;

import io.sparkhawk.data.error.ConfigurationException;

/** How many blocks of threads a launch has in each direction. */
record Grid(int x, int y, int z) {

  /** CUDA's limit of the second and third direction; that of the first is 2^31 - 1. */
  private static final int LIMIT = 65535;

  Grid {
    if (y > LIMIT || z > LIMIT) {
      throw new ConfigurationException(
          String.format(
              "a kernel would need %d x %d x %d blocks of threads, and CUDA takes at most %d in the"
                  + " last two directions; use smaller micro-batches",
              x, y, z, LIMIT));
    }
  }

  static Grid of(long x) {
    return new Grid(Math.toIntExact(x), 1, 1);
  }

  static Grid of(long x, long y) {
    return new Grid(Math.toIntExact(x), Math.toIntExact(y), 1);
  }

  static Grid of(long x, long y, long z) {
    return new Grid(Math.toIntExact(x), Math.toIntExact(y), Math.toIntExact(z));
  }

  /** {@code count} over {@code size}, rounded up. */
  static long blocks(long count, long size) {
    return (count + size - 1) / size;
  }
}
