package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.tensor.DeviceMemory;
import io.sparkhawk.executor.tensor.ElementType;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * GPUs, one for each rank, that sum and gather tensors among themselves by NCCL, on a stream of its
 * own beside what libtorch computes meanwhile.
 *
 * <p>Every rank must make the same calls in the same order, from one thread. Every wait is bounded;
 * a failure is an {@link InfrastructureException} that names rank and step and breaks the
 * communicator.
 */
public final class NcclCommunicator implements AutoCloseable {

  /** Sums are queued in less: a thread that sleeps would let the GPU run out of work. */
  private static final long SPIN_NANOS = 200_000;

  private static final long POLL_NANOS = 20_000;
  private static final long DRAIN_NANOS = Duration.ofSeconds(5).toNanos();

  private final Card card;
  private final int rank;
  private final int worldSize;
  private final Duration timeout;
  private final Pointer stream;
  private final Pointer ready;
  private final Pointer computed;
  private final Pointer summed;
  // The library may write to it until joining has ended.
  private final PointerByReference handle = new PointerByReference();
  private long step;
  private boolean pending;
  private boolean aborted;
  private boolean closed;

  private NcclCommunicator(Card card, int rank, int worldSize, Duration timeout) {
    this.card = card;
    this.rank = rank;
    this.worldSize = worldSize;
    this.timeout = timeout;
    card.use();
    this.stream = CudaDriver.urgentStream();
    this.ready = CudaDriver.event();
    this.computed = CudaDriver.event();
    this.summed = CudaDriver.event();
  }

  /**
   * A rank's side of a communicator.
   *
   * @param library NCCL's version, such as 22809 for 2.28.9
   * @param gpu identifies the GPU among those of all hosts
   */
  public record Member(int library, String gpu) {}

  /** What this process would bring on a GPU; empty if NCCL is not there. */
  public static Optional<Member> member(NDArray tensor) {
    if (!tensor.getDevice().isGpu() || !Nccl.isPresent()) {
      return Optional.empty();
    }
    String gpu = Card.of(tensor.getDevice().getDeviceId()).uuid();
    return Nccl.version().map(version -> new Member(version, gpu));
  }

  /** What all ranks of a new communicator must be given, in 128 bytes; made by one of them. */
  public static byte[] newId() {
    try (Memory id = new Memory(Nccl.ID_BYTES)) {
      id.clear();
      int status = Nccl.newId(id);
      if (status != Nccl.SUCCESS) {
        throw new InfrastructureException(
            "NCCL could not begin a communicator: " + Nccl.explain(status, null));
      }
      return id.getByteArray(0, Nccl.ID_BYTES);
    }
  }

  /** Bytes of what {@link #newId} returns. */
  public static int idBytes() {
    return Nccl.ID_BYTES;
  }

  /**
   * Joins the other ranks; returns when all are there.
   *
   * @param tensor one on this rank's GPU
   * @param timeout for this and every later wait
   */
  public static NcclCommunicator join(
      NDArray tensor, byte[] id, int rank, int worldSize, Duration timeout) {
    Card card = Card.of(tensor.getDevice().getDeviceId());
    NcclCommunicator communicator = new NcclCommunicator(card, rank, worldSize, timeout);
    try {
      communicator.settle(
          Nccl.join(communicator.handle, worldSize, id, rank), "joining the other GPUs");
      return communicator;
    } catch (RuntimeException e) {
      communicator.close();
      throw e;
    }
  }

  /** Names the training step in the messages of later failures. */
  public void atStep(long newStep) {
    step = newStep;
  }

  /**
   * Starts to sum a run of a contiguous float32 or bfloat16 tensor's elements over all ranks, in
   * place, when libtorch has computed what is queued now. The tensor must live and not be touched
   * before {@link #await}.
   */
  public void startSum(NDArray tensor, long first, long count) {
    start(
        tensor,
        first,
        count,
        1,
        (values, own, type) -> Nccl.sum(values, count, type, handle.getValue(), stream));
  }

  /**
   * As {@link #startSum}, but each rank gets the sum of its own share only, of as many as there are
   * ranks, all of the same size. The other shares are undefined afterwards.
   */
  public void startReduceScatter(NDArray tensor, long first, long count) {
    start(
        tensor,
        first,
        count,
        worldSize,
        (values, own, type) ->
            Nccl.reduceScatter(values, own, count / worldSize, type, handle.getValue(), stream));
  }

  /** Starts to copy each rank's share, as above, to all others, in place. */
  public void startAllGather(NDArray tensor, long first, long count) {
    start(
        tensor,
        first,
        count,
        worldSize,
        (values, own, type) ->
            Nccl.allGather(values, own, count / worldSize, type, handle.getValue(), stream));
  }

  /** An operation of NCCL on device memory. */
  @FunctionalInterface
  private interface Operation {
    /** Queues it; returns NCCL's status. */
    int queue(Pointer values, Pointer own, int type);
  }

  private void start(NDArray tensor, long first, long count, int shares, Operation operation) {
    ElementType type = ElementType.of(tensor);
    if (type == ElementType.FLOAT64 || first + count > tensor.size() || count % shares != 0) {
      throw new IllegalArgumentException(
          "no float32 or bfloat16 elements %d to %d of %s in %d equal shares"
              .formatted(first, first + count, tensor.getShape().toString(), shares));
    }
    requireUsable();
    card.use();
    CudaDriver.record(ready, libtorchStream());
    CudaDriver.waitFor(stream, ready);
    Pointer values = new Pointer(DeviceMemory.address(tensor) + first * type.bytes());
    Pointer own = values.share(count / shares * (shares == 1 ? 0 : rank) * type.bytes());
    int code = type == ElementType.FLOAT32 ? Nccl.FLOAT32 : Nccl.BFLOAT16;
    // It is queued only when it is no longer in progress: in the first one the ranks connect.
    settle(operation.queue(values, own, code), "starting an operation");
    pending = true;
  }

  /**
   * Lets what libtorch computes from now on wait on the GPU for all that was started. The calling
   * thread does not wait: {@link #check} tells of failures.
   */
  public Waiting letLibtorchWait() {
    requireUsable();
    card.use();
    Waiting waiting = new Waiting(card, CudaDriver.event(), CudaDriver.event());
    CudaDriver.record(waiting.computed, libtorchStream());
    CudaDriver.record(waiting.done, stream);
    CudaDriver.waitFor(libtorchStream(), waiting.done);
    return waiting;
  }

  /** A place where libtorch's stream waits for this communicator's. */
  public static final class Waiting {

    private final Card card;
    private final Pointer computed;
    private final Pointer done;

    private Waiting(Card card, Pointer computed, Pointer done) {
      this.card = card;
      this.computed = computed;
      this.done = done;
    }

    /**
     * Ends its use, once libtorch has passed it.
     *
     * @return seconds in which libtorch's stream waited and computed nothing
     */
    public double finish() {
      card.use();
      double seconds = Math.max(0, CudaDriver.secondsBetween(computed, done));
      discard();
      return seconds;
    }

    /** Ends its use, also while it is still to come. */
    public void discard() {
      card.use();
      CudaDriver.destroyEvent(computed);
      CudaDriver.destroyEvent(done);
    }
  }

  /** Throws if what was started is known to have failed. */
  public void check() {
    requireUsable();
    card.use();
    requireSuccess(Nccl.status(handle.getValue()), "an operation");
  }

  /**
   * Returns when all that was started is done, and so is all that libtorch has computed.
   *
   * @param peers called again and again meanwhile; throws if the other ranks are known to fail
   * @return seconds from the end of libtorch's work to the end of what was started: 0 where this
   *     was hidden behind it
   */
  public double await(Runnable peers) {
    if (!pending) {
      return 0;
    }
    requireUsable();
    card.use();
    Pointer libtorch = libtorchStream();
    CudaDriver.record(computed, libtorch);
    CudaDriver.record(summed, stream);
    CudaDriver.waitFor(libtorch, summed);
    poll(
        () -> {
          requireSuccess(Nccl.status(handle.getValue()), "an operation");
          return CudaDriver.isReached(summed) && CudaDriver.isReached(computed);
        },
        "an operation",
        peers);
    pending = false;
    return Math.max(0, CudaDriver.secondsBetween(computed, summed));
  }

  private Pointer libtorchStream() {
    long address = DeviceMemory.currentStream(card.ordinal());
    return address == 0 ? Pointer.NULL : new Pointer(address);
  }

  /** Waits until a call that the library works on in the background has ended. */
  private void settle(int status, String doing) {
    requireSuccess(status == Nccl.IN_PROGRESS ? Nccl.SUCCESS : status, doing);
    if (status == Nccl.IN_PROGRESS) {
      poll(
          () -> {
            int now = Nccl.status(handle.getValue());
            requireSuccess(now == Nccl.IN_PROGRESS ? Nccl.SUCCESS : now, doing);
            return now == Nccl.SUCCESS;
          },
          doing,
          () -> {});
    }
  }

  private void poll(BooleanSupplier done, String doing, Runnable peers) {
    long start = System.nanoTime();
    try {
      while (!done.getAsBoolean()) {
        peers.run();
        if (Thread.currentThread().isInterrupted()) {
          throw failure(doing, "it was interrupted");
        }
        pause(System.nanoTime() - start, doing);
      }
    } catch (RuntimeException e) {
      abort();
      throw e;
    }
  }

  private void pause(long waitedNanos, String doing) {
    if (waitedNanos > timeout.toNanos()) {
      throw failure(doing, "it did not end in %d s".formatted(timeout.toSeconds()));
    }
    if (waitedNanos < SPIN_NANOS) {
      Thread.onSpinWait();
    } else {
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  private void requireSuccess(int status, String doing) {
    if (status != Nccl.SUCCESS) {
      InfrastructureException failure = failure(doing, Nccl.explain(status, handle.getValue()));
      abort();
      throw failure;
    }
  }

  private void requireUsable() {
    if (aborted) {
      throw failure("the call", "the communicator is broken or closed");
    }
  }

  private InfrastructureException failure(String doing, String reason) {
    return new InfrastructureException(
        "NCCL on rank %d of %d at step %d failed in %s: %s."
            .formatted(rank, worldSize, step, doing, reason));
  }

  /** Ends what is under way, here and, by and by, on the other ranks. */
  private void abort() {
    if (!aborted) {
      aborted = true;
      if (handle.getValue() != null) {
        Nccl.abort(handle.getValue());
      }
    }
  }

  /** Gives everything back; sums under way are lost. Does not throw. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    abort();
    drain();
    CudaDriver.destroyEvent(ready);
    CudaDriver.destroyEvent(computed);
    CudaDriver.destroyEvent(summed);
    CudaDriver.destroyStream(stream);
  }

  /** Sums under way end soon after the abort; until then they write to their tensors. */
  private void drain() {
    try {
      card.use();
      CudaDriver.record(ready, stream);
      long start = System.nanoTime();
      while (!CudaDriver.isReached(ready) && System.nanoTime() - start < DRAIN_NANOS) {
        LockSupport.parkNanos(POLL_NANOS);
      }
    } catch (InfrastructureException ignored) {
      // The device has failed: nothing runs there any more.
    }
  }
}
