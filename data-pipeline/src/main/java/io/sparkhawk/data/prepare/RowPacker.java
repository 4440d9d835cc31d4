package io.sparkhawk.data.prepare;

import io.sparkhawk.data.shard.ShardWriter;

/**
 * Lays documents end to end, each followed by the end-of-text id, and cuts the sequence into rows.
 * An incomplete last row is left out.
 */
final class RowPacker {

  private final ShardWriter shard;
  private final int[] row;
  private final int endOfText;
  private int filled;

  RowPacker(ShardWriter shard, int rowLength, int endOfText) {
    this.shard = shard;
    this.row = new int[rowLength];
    this.endOfText = endOfText;
  }

  void add(int[] document) {
    int taken = 0;
    while (taken < document.length) {
      int count = Math.min(row.length - filled, document.length - taken);
      System.arraycopy(document, taken, row, filled, count);
      taken += count;
      advance(count);
    }
    row[filled] = endOfText;
    advance(1);
  }

  private void advance(int count) {
    filled += count;
    if (filled == row.length) {
      shard.add(row, 0);
      filled = 0;
    }
  }
}
