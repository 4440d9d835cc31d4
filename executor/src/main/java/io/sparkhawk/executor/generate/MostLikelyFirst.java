package io.sparkhawk.executor.generate;

/**
 * The ids by falling logits, equal ones by rising ids, each found when it is asked for: a binary
 * heap, since of a large vocabulary mostly the first few are wanted. Costs the vocabulary once and
 * its logarithm for each id.
 */
final class MostLikelyFirst {

  /** A heap with the smallest key first: the complement of the logit's order, then the id. */
  private final long[] keys;

  private int remaining;

  MostLikelyFirst(float[] logits) {
    keys = new long[logits.length];
    remaining = logits.length;
    for (int id = 0; id < logits.length; id++) {
      keys[id] = (long) ~ordered(logits[id]) << Integer.SIZE | id;
    }
    for (int parent = remaining / 2 - 1; parent >= 0; parent--) {
      sink(parent);
    }
  }

  /** An integer in the order of the floats. */
  private static int ordered(float value) {
    int bits = Float.floatToIntBits(value + 0f); // -0 becomes 0
    return bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
  }

  boolean hasNext() {
    return remaining > 0;
  }

  /** The next id; there must be one. */
  int next() {
    int id = (int) keys[0];
    remaining--;
    keys[0] = keys[remaining];
    sink(0);
    return id;
  }

  private void sink(int from) {
    long key = keys[from];
    int at = from;
    for (int child = 2 * at + 1; child < remaining; child = 2 * at + 1) {
      if (child + 1 < remaining && keys[child + 1] < keys[child]) {
        child++;
      }
      if (keys[child] >= key) {
        break;
      }
      keys[at] = keys[child];
      at = child;
    }
    keys[at] = key;
  }
}
