package io.sparkhawk.executor.train;

import java.util.ArrayList;
import java.util.List;

/**
 * The part of the trained weights that one rank updates: one share of each segment, so that a
 * segment's weights are ready to be sent when its own update is done. Master weights and optimizer
 * state of these shares lie one after the other in buffers of {@link #size} elements. A rank that
 * updates everything has one share, the whole buffer.
 *
 * @param size elements of all shares
 * @param shares in the order of the buffer; shares of empty segments are left out
 */
record Shard(long size, List<Share> shares) {

  /**
   * A run of elements that belongs to this rank.
   *
   * @param segment where the segment lies that this is a share of, with those of the other ranks
   * @param range where it lies in a buffer of all weights
   * @param local where it lies in a buffer of this rank's shares
   */
  record Share(FlatLayout.Range segment, FlatLayout.Range range, FlatLayout.Range local) {}

  /** The part of rank {@code rank} among as many ranks as the layout has shares. */
  static Shard of(FlatLayout layout, int rank) {
    List<FlatLayout.Range> runs =
        layout.shares() == 1 ? List.of(new FlatLayout.Range(0, layout.size())) : layout.segments();
    List<Share> shares = new ArrayList<>();
    long local = 0;
    for (FlatLayout.Range run : runs) {
      if (run.count() > 0) {
        FlatLayout.Range range = run.share(rank, layout.shares());
        shares.add(new Share(run, range, new FlatLayout.Range(local, range.count())));
        local += range.count();
      }
    }
    return new Shard(local, List.copyOf(shares));
  }
}
