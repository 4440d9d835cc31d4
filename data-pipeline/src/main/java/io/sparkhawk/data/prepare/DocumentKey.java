package io.sparkhawk.data.prepare;

import java.io.Serializable;
import java.util.Comparator;

/** Sends a document to its shard, and sorts it there into input order. */
record DocumentKey(int shard, long position) implements Comparable<DocumentKey>, Serializable {

  private static final Comparator<DocumentKey> ORDER =
      Comparator.comparingInt(DocumentKey::shard).thenComparingLong(DocumentKey::position);

  @Override
  public int compareTo(DocumentKey other) {
    return ORDER.compare(this, other);
  }
}
