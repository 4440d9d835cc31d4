package io.sparkhawk.executor.kernel;

/** How many blocks of threads a launch has in each direction. */
record Grid(int x, int y, int z) {

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
