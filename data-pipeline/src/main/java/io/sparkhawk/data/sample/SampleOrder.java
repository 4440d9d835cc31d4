package io.sparkhawk.data.sample;

import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SplitManifest;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The order in which training meets the rows of a data set: a pure function of the seed, the global
 * sample index, the data set and the size of a block, so a position in the data is one number that
 * holds at any world size.
 *
 * <p>Every epoch (as many samples as there are rows) visits every row once, each in a different
 * pseudo-random order. A data set that fits in one block is shuffled as a whole. A larger one is
 * shuffled in two levels, so that only few shards are needed at a time: each epoch lines the shards
 * up in a new order, cuts the line into blocks of nearly equal numbers of rows, and shuffles the
 * rows within each block (as the shuffle py1b of MosaicML Streaming does). A shard may be cut; its
 * parts are in neighbouring blocks.
 *
 * <p>Both shuffles are {@link Permutation}s. Nothing is kept but the number of rows in each shard
 * and the line of shards of two epochs.
 *
 * <p>Step k of a stage that begins at global sample f with B rows a batch uses the samples f + kB
 * to f + (k + 1)B - 1; of these, rank r of W takes those whose index has the remainder r modulo W.
 */
public final class SampleOrder {

  private final long seed;
  private final RowRanges shards;
  private final long blocks;

  /** Rows of a block at least; the first {@code longerBlocks} have one more. */
  private final long blockRows;

  private final long longerBlocks;
  private final Permutation inBlock;
  private final Permutation inLongerBlock;

  /** The lines of shards of the last even and the last odd epoch that were asked for. */
  private final AtomicReferenceArray<Line> lines = new AtomicReferenceArray<>(2);

  private SampleOrder(long seed, RowRanges shards, long maxBlockRows) {
    this.seed = seed;
    this.shards = shards;
    this.blocks = (shards.total() - 1) / maxBlockRows + 1;
    this.blockRows = shards.total() / blocks;
    this.longerBlocks = shards.total() % blocks;
    this.inBlock = new Permutation(blockRows);
    this.inLongerBlock = new Permutation(blockRows + 1);
  }

  /**
   * The order of {@code rows} rows under {@code seed}, shuffled as a whole.
   *
   * @throws IllegalArgumentException if rows is not between 1 and 2^62
   */
  public static SampleOrder shuffled(long seed, long rows) {
    return inBlocks(seed, RowRanges.of(rows), rows);
  }

  /**
   * The order in which training visits a split under {@code seed}.
   *
   * @param rowLength tokens of a row
   * @param blockTokens tokens among which the rows are shuffled
   * @throws IllegalArgumentException if the split has no rows
   */
  public static SampleOrder of(long seed, SplitManifest split, int rowLength, long blockTokens) {
    long[] rows = split.shards().stream().mapToLong(ShardEntry::rows).toArray();
    return inBlocks(seed, RowRanges.of(rows), blockRows(blockTokens, rowLength));
  }

  /**
   * The order of the shards' rows under {@code seed}, shuffled in blocks.
   *
   * @param maxBlockRows the most rows of a block
   * @throws IllegalArgumentException if there are not between 1 and 2^62 rows, or a block would
   *     have none
   */
  static SampleOrder inBlocks(long seed, RowRanges shards, long maxBlockRows) {
    if (shards.total() < 1 || shards.total() > 1L << 62) {
      throw new IllegalArgumentException("rows is " + shards.total() + ", not between 1 and 2^62");
    }
    if (maxBlockRows < 1) {
      throw new IllegalArgumentException("maxBlockRows is " + maxBlockRows + ", below 1");
    }
    return new SampleOrder(seed, shards, maxBlockRows);
  }

  /** The most rows of a block of {@code tokens} tokens: at least one. */
  public static long blockRows(long tokens, int rowLength) {
    return Math.max(1, tokens / rowLength);
  }

  /** Rows in an epoch. */
  public long rows() {
    return shards.total();
  }

  /** Rows of the longest block. */
  long longestBlock() {
    return longerBlocks > 0 ? blockRows + 1 : blockRows;
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
    long epoch = globalSample / rows();
    long place = globalSample % rows();
    long epochKey = Permutation.mix(Permutation.mix(seed) + epoch);
    if (blocks == 1) {
      return inBlock.apply(place, epochKey);
    }
    long lineKey = Permutation.mix(~epochKey);
    return line(epoch, lineKey).row(shuffledInItsBlock(place, lineKey));
  }

  /** The place in the epoch's line of rows that is visited at {@code place}. */
  private long shuffledInItsBlock(long place, long lineKey) {
    long inLonger = longerBlocks * (blockRows + 1);
    boolean longer = place < inLonger;
    Permutation permutation = longer ? inLongerBlock : inBlock;
    long first = longer ? 0 : inLonger;
    long block = (place - first) / permutation.size();
    long start = first + block * permutation.size();
    long key = Permutation.mix(lineKey + 1 + (longer ? block : longerBlocks + block));
    return start + permutation.apply(place - start, key);
  }

  private Line line(long epoch, long key) {
    int slot = (int) (epoch & 1);
    Line known = lines.get(slot);
    if (known == null || known.epoch != epoch) {
      known = Line.of(epoch, key, shards);
      lines.set(slot, known);
    }
    return known;
  }

  /** All shards in the order in which an epoch comes to them. */
  private static final class Line {

    private final long epoch;
    private final int[] order;
    private final RowRanges places;
    private final RowRanges shards;

    private Line(long epoch, int[] order, RowRanges places, RowRanges shards) {
      this.epoch = epoch;
      this.order = order;
      this.places = places;
      this.shards = shards;
    }

    static Line of(long epoch, long key, RowRanges shards) {
      Permutation permutation = new Permutation(shards.count());
      int[] order = new int[shards.count()];
      long[] rows = new long[shards.count()];
      for (int i = 0; i < order.length; i++) {
        order[i] = (int) permutation.apply(i, key);
        rows[i] = shards.rows(order[i]);
      }
      return new Line(epoch, order, RowRanges.of(rows), shards);
    }

    long row(long place) {
      int i = places.rangeOf(place);
      return shards.start(order[i]) + place - places.start(i);
    }
  }
}
