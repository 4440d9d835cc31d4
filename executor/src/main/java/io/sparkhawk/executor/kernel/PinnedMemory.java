package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import com.sun.jna.Pointer;
import io.sparkhawk.executor.tensor.DeviceMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Page-locked host memory, through which small tensors reach a GPU or leave it in order with what
 * libtorch computes there, while the host does not wait.
 */
public final class PinnedMemory implements AutoCloseable {

  private final Card card;
  private final Pointer memory;
  private final long size;

  private PinnedMemory(Card card, long size) {
    this.card = card;
    this.size = size;
    card.use();
    this.memory = CudaDriver.hostMemory(size);
  }

  /** So many bytes for copies to and from the device of {@code tensor}. */
  public static PinnedMemory beside(NDArray tensor, long bytes) {
    return new PinnedMemory(Card.of(tensor.getDevice().getDeviceId()), bytes);
  }

  public long size() {
    return size;
  }

  /** The memory itself, in native order; valid until it is closed. */
  public ByteBuffer bytes() {
    return memory.getByteBuffer(0, size).order(ByteOrder.nativeOrder());
  }

  /** Queues a copy of the first bytes into a contiguous tensor. */
  public void copyTo(NDArray tensor, long bytes) {
    require(bytes);
    card.use();
    CudaDriver.copyToDevice(DeviceMemory.address(tensor), memory, bytes, stream());
  }

  /** Queues a copy of a contiguous tensor's first bytes to the place {@code at}. */
  public void copyFrom(NDArray tensor, long at, long bytes) {
    require(at + bytes);
    card.use();
    CudaDriver.copyToHost(memory.share(at), DeviceMemory.address(tensor), bytes, stream());
  }

  /** Queues a copy of a plan to the place {@code at}. */
  public void copyFrom(UpdatePlan plan, long at) {
    copyFrom(plan.numbers(), at, UpdatePlan.bytes());
  }

  /** The plan whose copy was queued to the place {@code at} and has been made. */
  public UpdatePlan.Decision decision(long at) {
    return UpdatePlan.Decision.of(
        memory.getByteBuffer(at, UpdatePlan.bytes()).order(ByteOrder.nativeOrder()));
  }

  private void require(long bytes) {
    if (bytes > size) {
      throw new IllegalArgumentException(bytes + " bytes in a memory of " + size);
    }
  }

  private Pointer stream() {
    long address = DeviceMemory.currentStream(card.ordinal());
    return address == 0 ? Pointer.NULL : new Pointer(address);
  }

  /** Gives the memory back; no copy may be under way. */
  @Override
  public void close() {
    card.use();
    CudaDriver.freeHostMemory(memory);
  }
}
