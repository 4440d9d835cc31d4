package io.sparkhawk.executor.collective;

import java.nio.FloatBuffer;

/**
 * Adds float32 values that lie outside of the heap.
 *
 * <p>The compiler vectorises loops over arrays, but not over direct buffers; copying through arrays
 * that stay in the first-level cache is the faster way (13 against 10 GB/s on an EPYC core).
 */
final class FloatSum {

  private static final int BLOCK = 2048;

  private final float[] sums = new float[BLOCK];
  private final float[] addends = new float[BLOCK];

  /** Adds {@code count} values from {@code from[fromIndex]} on to those at {@code to[toIndex]}. */
  void add(FloatBuffer to, int toIndex, FloatBuffer from, int fromIndex, int count) {
    for (int done = 0; done < count; done += BLOCK) {
      int length = Math.min(BLOCK, count - done);
      to.get(toIndex + done, sums, 0, length);
      from.get(fromIndex + done, addends, 0, length);
      for (int i = 0; i < length; i++) {
        sums[i] += addends[i];
      }
      to.put(toIndex + done, sums, 0, length);
    }
  }
}
