package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import com.sun.jna.Pointer;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.tensor.DeviceMemory;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** A point in what libtorch has queued on a GPU, for which the host can wait later. */
public final class DeviceEvent implements AutoCloseable {

  /** Who waits for a whole step may sleep; what comes next is queued already. */
  private static final long POLL_NANOS = 50_000;

  private final Card card;
  private final Pointer event;

  private DeviceEvent(Card card) {
    this.card = card;
    card.use();
    this.event = CudaDriver.event();
    CudaDriver.record(event, new Pointer(DeviceMemory.currentStream(card.ordinal())));
  }

  /** All that is queued now, by this thread, on the device of {@code tensor}. */
  public static DeviceEvent now(NDArray tensor) {
    return new DeviceEvent(Card.of(tensor.getDevice().getDeviceId()));
  }

  /**
   * Returns when all of it has been computed.
   *
   * @param meanwhile called again and again; ends the wait by throwing
   * @param what it is, for the message
   * @throws InfrastructureException after the timeout, or if the device has failed
   */
  public void await(Duration timeout, Runnable meanwhile, String what) {
    card.use();
    long start = System.nanoTime();
    while (!CudaDriver.isReached(event)) {
      meanwhile.run();
      if (System.nanoTime() - start > timeout.toNanos()) {
        throw new InfrastructureException(
            "The GPU did not finish %s in %d s.".formatted(what, timeout.toSeconds()));
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new InfrastructureException("Interrupted while the GPU was at " + what + ".");
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  @Override
  public void close() {
    card.use();
    CudaDriver.destroyEvent(event);
  }
}
