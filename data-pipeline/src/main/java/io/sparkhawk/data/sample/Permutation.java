package io.sparkhawk.data.sample;

/**
 * A keyed pseudo-random permutation of the numbers below a size: a Feistel network, which is a
 * bijection of a power of four, walked until it falls below the size (Black and Rogaway, "Ciphers
 * with Arbitrary Finite Domains", 2002). Constant memory, whatever the size.
 */
final class Permutation {

  /** Luby and Rackoff show 4 to be enough in theory; small domains gain from a few more. */
  private static final int ROUNDS = 8;

  private final long size;
  private final int halfBits;
  private final long halfMask;

  /** A permutation of the numbers from 0 to {@code size - 1}, where size is 1 to 2^62. */
  Permutation(long size) {
    this.size = size;
    int bits = Long.SIZE - Long.numberOfLeadingZeros(size - 1);
    this.halfBits = Math.max(1, (bits + 1) / 2);
    this.halfMask = (1L << halfBits) - 1;
  }

  /** How many numbers are permuted. */
  long size() {
    return size;
  }

  /** What {@code value} becomes under {@code key}. */
  long apply(long value, long key) {
    long result = value;
    do {
      result = encrypt(result, key);
    } while (result >= size);
    return result;
  }

  /** A bijection of [0, 4^halfBits). */
  private long encrypt(long value, long key) {
    long left = value >>> halfBits;
    long right = value & halfMask;
    for (int round = 0; round < ROUNDS; round++) {
      long next = left ^ (mix(right + mix(key + round)) & halfMask);
      left = right;
      right = next;
    }
    return left << halfBits | right;
  }

  /** The finalizer of SplitMix64 (Steele, Lea and Flood, 2014), offset so that 0 is not fixed. */
  static long mix(long value) {
    long z = value + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
