package io.sparkhawk.data.sample;

import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SplitManifest;

/** What a local cache must hold so that a {@link SampleOrder} can be followed without waiting. */
public final class ShuffleSpace {

  private ShuffleSpace() {}

  /**
   * The shards of two blocks that follow each other, in bytes: those that lie within, as many as
   * have their rows at the mean size of a row, and those that are cut at the borders. It is never
   * more than the whole split, which is the answer where that fits in a block.
   *
   * @param blockRows rows of a block
   */
  public static long bytes(SplitManifest split, long blockRows) {
    long all = split.bytes();
    if (2 * (double) blockRows >= split.rows()) {
      return all;
    }
    long largest = split.shards().stream().mapToLong(ShardEntry::bytes).max().orElse(0);
    double within = 2.0 * blockRows / split.rows() * all;
    return Math.min(all, (long) Math.ceil(within) + 2 * largest);
  }
}
