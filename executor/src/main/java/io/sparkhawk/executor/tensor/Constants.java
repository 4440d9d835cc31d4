package io.sparkhawk.executor.tensor;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Numbers as float64 tensors without dimensions, which take part in an operation with the type of
 * the other operand. The most recent ones are kept, since models use the same few again and again.
 */
final class Constants {

  private static final int KEPT = 256;

  /**
   * Per thread: a tensor that falls out may be closed only by the thread that could be using it.
   */
  private static final ThreadLocal<Map<Double, NDArray>> RECENT =
      ThreadLocal.withInitial(
          () ->
              new LinkedHashMap<>(KEPT, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.Entry<Double, NDArray> eldest) {
                  boolean full = size() > KEPT;
                  if (full) {
                    eldest.getValue().close();
                  }
                  return full;
                }
              });

  private static final NDManager MANAGER = NDManager.newBaseManager(Device.cpu(), "PyTorch");

  private Constants() {}

  static NDArray of(double value) {
    return RECENT.get().computeIfAbsent(value, v -> TensorScope.detach(MANAGER.create((double) v)));
  }
}
