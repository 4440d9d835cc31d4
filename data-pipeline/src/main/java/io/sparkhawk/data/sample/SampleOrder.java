package io.sparkhawk.data.sample;

/**
 * The order in which training meets the rows of a data set: a pure function of the seed and the
 * global sample index, so a position in the data is one number that holds at any world size.
 *
 * <p>Every epoch (as many samples as there are rows) visits every row once, each in a different
 * pseudo-random order. The order is a Feistel network on the row number, a bijection of a power of
 * four, walked until it falls below the number of rows (Black and Rogaway, "Ciphers with Arbitrary
 * Finite Domains", 2002): constant memory, whatever the number of rows.
 *
 * <p>Step k of a stage that begins at global sample f with B rows a batch uses the samples f + kB
 * to f + (k + 1)B - 1; of these, rank r of W takes those whose index has the remainder r modulo W.
 */
public final class SampleOrder {

  /** Luby and Rackoff show 4 to be enough in theory; small domains gain from a few more. */
  private static final int ROUNDS = 8;

  private final long seed;
  private final long rows;
  private final int halfBits;
  private final long halfMask;

  private SampleOrder(long seed, long rows) {
    this.seed = seed;
    this.rows = rows;
    int bits = Long.SIZE - Long.numberOfLeadingZeros(rows - 1);
    this.halfBits = Math.max(1, (bits + 1) / 2);
    this.halfMask = (1L << halfBits) - 1;
  }

  /**
   * The order of {@code rows} rows under {@code seed}.
   *
   * @throws IllegalArgumentException if rows is not between 1 and 2^62
   */
  public static SampleOrder shuffled(long seed, long rows) {
    if (rows < 1 || rows > 1L << 62) {
      throw new IllegalArgumentException("rows is " + rows + ", not between 1 and 2^62");
    }
    return new SampleOrder(seed, rows);
  }

  /** Rows in an epoch. */
  public long rows() {
    return rows;
  }

  /**
   * The row that is the sample number {@code globalSample}, counted from 0 over all epochs.
   *
   * @throws IllegalArgumentException if globalSample is negative
   */
  public long row(long globalSample) {
    if (globalSample < 0) {
      throw new IllegalArgumentException("globalSample is " + globalSample + ", below 0");
    }
    long epochKey = mix(mix(seed) + globalSample / rows);
    long row = globalSample % rows;
    do {
      row = permute(row, epochKey);
    } while (row >= rows);
    return row;
  }

  /** A bijection of [0, 4^halfBits). */
  private long permute(long value, long epochKey) {
    long left = value >>> halfBits;
    long right = value & halfMask;
    for (int round = 0; round < ROUNDS; round++) {
      long next = left ^ (mix(right + mix(epochKey + round)) & halfMask);
      left = right;
      right = next;
    }
    return left << halfBits | right;
  }

  /** The finalizer of SplitMix64 (Steele, Lea and Flood, 2014), offset so that 0 is not fixed. */
  private static long mix(long value) {
    long z = value + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
