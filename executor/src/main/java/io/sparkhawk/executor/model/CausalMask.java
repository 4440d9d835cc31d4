package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Additive masks: 0 where j is at most i, minus infinity above the diagonal; and identities. One is
 * kept per length and element type. Added before an exponential, a mask makes exact zeros whose
 * gradient is zero too.
 */
final class CausalMask {

  private final NDManager manager;
  private final Map<String, NDArray> masks = new HashMap<>();

  CausalMask(NDManager manager) {
    this.manager = manager;
  }

  /** The mask (length, length) in the element type of {@code like}. */
  NDArray of(NDArray like, long length) {
    return cached("mask", like, (int) length, Float.NEGATIVE_INFINITY, 0);
  }

  private NDArray cached(String kind, NDArray like, int length, float above, float diagonal) {
    ElementType type = ElementType.of(like);
    return masks.computeIfAbsent(kind + type + length, key -> build(type, length, above, diagonal));
  }

  /** The identity (length, length) in the element type of {@code like}. */
  NDArray identity(NDArray like, long length) {
    return cached("identity", like, (int) length, 0, 1);
  }

  private NDArray build(ElementType type, int length, float above, float diagonal) {
    float[] values = new float[length * length];
    for (int i = 0; i < length; i++) {
      values[i * length + i] = diagonal;
      Arrays.fill(values, i * length + i + 1, (i + 1) * length, above);
    }
    return HostMemory.tensor(manager, values, type, length, length);
  }
}
