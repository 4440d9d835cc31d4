package io.sparkhawk.data.sample;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.function.IntToLongFunction;

/**
 * Which shards the coming samples need: a window over the order that begins at the sample that is
 * read next, and goes as far as its shards fit in a number of bytes. With an order in blocks and
 * room for two of them, it holds the rest of the current block and the next one.
 *
 * <p>It walks over the samples of all ranks, so that processes on one machine have the same window
 * and share its shards. Not for several threads at once.
 */
final class Lookahead {

  /** Samples that are looked at in one call, so that the first one takes no time to speak of. */
  private static final long LONGEST_WALK = 1 << 17;

  /** Samples of a window at least, so that it has those of several steps. */
  private static final long SHORTEST_WINDOW = 1 << 14;

  /** A shard that is not used for so many samples may go and come again. */
  private static final long LONGEST_WINDOW = 1 << 22;

  private final SampleOrder order;
  private final RowRanges shards;
  private final IntToLongFunction shardBytes;
  private final long maxBytes;
  private final long end;

  /** Shards of the window with their last use in it, the earliest of these first. */
  private final Map<Integer, Long> lastUses = new LinkedHashMap<>(64, 0.75f, true);

  private long bytes;
  private long begin;

  /** The first sample that the window does not have. */
  private long next;

  /**
   * A window of no samples yet.
   *
   * @param maxBytes what its shards may take; a single one may take more
   * @param end the order's first sample that is not needed
   */
  Lookahead(
      SampleOrder order, RowRanges shards, IntToLongFunction shardBytes, long maxBytes, long end) {
    this.order = order;
    this.shards = shards;
    this.shardBytes = shardBytes;
    this.maxBytes = maxBytes;
    this.end = end;
  }

  /**
   * Moves the window's beginning to a sample.
   *
   * @param needed is told the shards that come into the window, in the order of their first use
   * @param released is told those that leave it, before
   */
  void reached(long sample, IntConsumer needed, IntConsumer released) {
    if (sample < begin) {
      lastUses.keySet().forEach(released::accept);
      lastUses.clear();
      bytes = 0;
      next = sample;
    }
    begin = sample;
    next = Math.max(next, begin);
    release(released);
    walk(needed);
  }

  private void release(IntConsumer released) {
    Iterator<Map.Entry<Integer, Long>> oldest = lastUses.entrySet().iterator();
    while (oldest.hasNext()) {
      Map.Entry<Integer, Long> entry = oldest.next();
      if (entry.getValue() >= begin) {
        return;
      }
      oldest.remove();
      bytes -= shardBytes.applyAsLong(entry.getKey());
      released.accept(entry.getKey());
    }
  }

  private void walk(IntConsumer needed) {
    long blocks = 2 * order.longestBlock();
    long window = Math.max(SHORTEST_WINDOW, Math.min(blocks, LONGEST_WINDOW));
    long limit = Math.min(Math.min(end, begin + window), next + LONGEST_WALK);
    for (; next < limit; next++) {
      int shard = shards.rangeOf(order.row(next));
      if (lastUses.put(shard, next) == null) {
        long size = shardBytes.applyAsLong(shard);
        if (size > maxBytes - bytes && lastUses.size() > 1) {
          lastUses.remove(shard);
          return;
        }
        bytes += size;
        needed.accept(shard);
      }
    }
  }
}
