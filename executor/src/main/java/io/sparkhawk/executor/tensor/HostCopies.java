package io.sparkhawk.executor.tensor;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;

/**
 * Copies of tensors' elements in host memory that does not change with the tensors. The memory is
 * used again: it is as much as was copied between two calls of {@link #reuse}, at most.
 */
public final class HostCopies implements AutoCloseable {

  private final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  private final List<NDArray> memory = new ArrayList<>();
  private int used;

  /** Lets the next copies take the memory of those that were made so far. */
  public void reuse() {
    used = 0;
  }

  /**
   * Copies a run of elements of a contiguous tensor, wherever it lives; the copy is complete when
   * this returns. Its parts are as those of {@link HostMemory#parts}, and are valid until the
   * memory is used again or this is closed.
   */
  public List<HostMemory.Part> parts(NDArray tensor, long first, long count) {
    try (TensorScope scope = TensorScope.open()) {
      NDArray copy = memory(ElementType.of(tensor), count);
      Operators.copy(Operators.narrow(tensor, 0, first, count), copy); // waits for a GPU's stream
      return HostMemory.parts(copy, 0, count).stream()
          .map(part -> new HostMemory.Part(first + part.first(), part.bytes()))
          .toList();
    }
  }

  private NDArray memory(ElementType type, long count) {
    if (used == memory.size()) {
      memory.add(allocate(type, count));
    }
    NDArray next = memory.get(used);
    if (next.size() != count || ElementType.of(next) != type) {
      next.close();
      next = allocate(type, count);
      memory.set(used, next);
    }
    used++;
    return next;
  }

  private NDArray allocate(ElementType type, long count) {
    return TensorScope.detach(Operators.empty(manager, type, count));
  }

  @Override
  public void close() {
    manager.close();
  }
}
