package io.sparkhawk.data.sample;

import java.util.Arrays;

/** Ranges of rows that follow each other, such as those of a data set's shards: which is where. */
final class RowRanges {

  /** First row of each range, and the number of all rows at the end. */
  private final long[] starts;

  private RowRanges(long[] starts) {
    this.starts = starts;
  }

  /** Ranges of these numbers of rows. */
  static RowRanges of(long... rows) {
    long[] starts = new long[rows.length + 1];
    for (int i = 0; i < rows.length; i++) {
      starts[i + 1] = Math.addExact(starts[i], rows[i]);
    }
    return new RowRanges(starts);
  }

  /** How many ranges there are. */
  int count() {
    return starts.length - 1;
  }

  /** Rows of all ranges. */
  long total() {
    return starts[count()];
  }

  /** The first row of a range. */
  long start(int range) {
    return starts[range];
  }

  /** Rows of a range. */
  long rows(int range) {
    return starts[range + 1] - starts[range];
  }

  /** The range that has this row. */
  int rangeOf(long row) {
    int found = Arrays.binarySearch(starts, row);
    if (found < 0) {
      return -found - 2;
    }
    int range = found;
    while (rows(range) == 0) {
      range++; // an empty one starts where the next one does
    }
    return range;
  }
}
