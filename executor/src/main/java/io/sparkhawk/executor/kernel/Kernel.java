package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.sparkhawk.executor.tensor.DeviceMemory;

/**
 * One compiled CUDA kernel. A launch is queued on libtorch's stream of the calling thread, in order
 * with the operators around it, and does not wait.
 */
final class Kernel {

  private static final int MAX_ARGUMENTS = 16;

  /** The arguments' addresses, then the arguments. Launches of one thread do not nest. */
  private static final ThreadLocal<Memory> ARGUMENTS =
      ThreadLocal.withInitial(
          () -> {
            Memory block = new Memory(2L * MAX_ARGUMENTS * Long.BYTES);
            for (int i = 0; i < MAX_ARGUMENTS; i++) {
              block.setPointer(
                  (long) i * Long.BYTES, block.share((long) (MAX_ARGUMENTS + i) * Long.BYTES));
            }
            return block;
          });

  private final String name;
  private final Pointer function;
  private final int sharedBytes;
  private final Card card;

  Kernel(String name, Pointer function, int sharedBytes, Card card) {
    this.name = name;
    this.function = function;
    this.sharedBytes = sharedBytes;
    this.card = card;
  }

  /** What is passed where a kernel takes a null pointer. */
  static final Object NONE = new Object();

  /**
   * Queues the kernel.
   *
   * @param arguments as the kernel declares them: tensors, which must be contiguous and live until
   *     it has run (libtorch keeps freed memory for its own stream), {@link #NONE}, int, long,
   *     float, double
   */
  void launch(Grid grid, int threads, Object... arguments) {
    Memory block = ARGUMENTS.get();
    for (int i = 0; i < arguments.length; i++) {
      put(block, (long) (MAX_ARGUMENTS + i) * Long.BYTES, arguments[i]);
    }
    card.use();
    CudaDriver.launch(
        name,
        function,
        grid,
        threads,
        sharedBytes,
        DeviceMemory.currentStream(card.ordinal()),
        block);
  }

  private void put(Memory block, long at, Object argument) {
    if (argument instanceof NDArray tensor) {
      block.setLong(at, DeviceMemory.address(tensor));
    } else if (argument instanceof Integer number) {
      block.setInt(at, number);
    } else if (argument instanceof Long number) {
      block.setLong(at, number);
    } else if (argument instanceof Float number) {
      block.setFloat(at, number);
    } else if (argument instanceof Double number) {
      block.setDouble(at, number);
    } else if (argument == NONE) {
      block.setLong(at, 0);
    } else {
      throw new IllegalArgumentException(name + " cannot take a " + argument.getClass());
    }
  }
}
