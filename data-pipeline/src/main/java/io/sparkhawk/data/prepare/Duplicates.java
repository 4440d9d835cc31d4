package io.sparkhawk.data.prepare;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

/** The documents that are left out because their text came before. */
final class Duplicates implements Serializable {

  private final long[] positions;
  private final long textBytes;

  Duplicates(long[] positions, long textBytes) {
    this.positions = positions.clone();
    this.textBytes = textBytes;
    Arrays.sort(this.positions);
  }

  static Duplicates union(List<Duplicates> parts) {
    return new Duplicates(
        parts.stream().flatMapToLong(part -> Arrays.stream(part.positions)).toArray(),
        parts.stream().mapToLong(part -> part.textBytes).sum());
  }

  boolean contains(long position) {
    return Arrays.binarySearch(positions, position) >= 0;
  }

  int count() {
    return positions.length;
  }

  /** UTF-8 bytes of the text that is left out. */
  long textBytes() {
    return textBytes;
  }
}
