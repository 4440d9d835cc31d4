package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.kernel.PinnedMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * Brings a step's token ids to the device. On a GPU they go through page-locked memory, in order
 * with what is queued there, and neither side waits.
 */
final class TokenFeed implements AutoCloseable {

  /** Steps whose ids may be on their way: that of a slot has ended before it is used again. */
  private static final int SLOTS = 2;

  private final NDManager manager;
  private final int length;
  private final List<List<PinnedMemory>> slots = new ArrayList<>();
  private long step;

  /**
   * @param manager of the device
   * @param length tokens of a sequence
   */
  TokenFeed(NDManager manager, int length) {
    this.manager = manager;
    this.length = length;
    for (int i = 0; i < SLOTS; i++) {
      slots.add(new ArrayList<>());
    }
  }

  /**
   * Tensors (sequences, length) of a step's micro-batches, which belong to the caller's scope. The
   * step before the last one must have ended.
   */
  List<NDArray> next(List<int[]> microBatches) {
    List<PinnedMemory> slot = slots.get((int) (step++ % SLOTS));
    List<NDArray> tensors = new ArrayList<>();
    for (int i = 0; i < microBatches.size(); i++) {
      int[] ids = microBatches.get(i);
      Shape shape = new Shape(ids.length / length, length);
      tensors.add(
          manager.getDevice().isGpu() ? send(slot, i, ids, shape) : manager.create(ids, shape));
    }
    return tensors;
  }

  private NDArray send(List<PinnedMemory> slot, int index, int[] ids, Shape shape) {
    NDArray tensor = manager.create(shape, DataType.INT32);
    long bytes = (long) Integer.BYTES * ids.length;
    if (index == slot.size()) {
      slot.add(PinnedMemory.beside(tensor, bytes));
    } else if (slot.get(index).size() < bytes) {
      slot.set(index, PinnedMemory.beside(tensor, bytes)).close();
    }
    slot.get(index).bytes().asIntBuffer().put(ids);
    slot.get(index).copyTo(tensor, bytes);
    return tensor;
  }

  /** Gives the memory back; all steps must have ended. */
  @Override
  public void close() {
    slots.forEach(slot -> slot.forEach(PinnedMemory::close));
  }
}
