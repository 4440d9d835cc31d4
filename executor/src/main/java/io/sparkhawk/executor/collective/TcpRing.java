package io.sparkhawk.executor.collective;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * A collective over TCP: each rank is connected to the next and the previous one, and everything
 * travels around the ring. Made by {@link RingListener#join}.
 *
 * <p>All operations run on one background thread, in the order in which they were called.
 */
final class TcpRing implements Collective {

  private static final int MAX_GATHERED_BYTES = 1 << 28;

  private final RingPlace place;
  private final RingConnection connection;
  private final ExecutorService operations;
  private volatile long step;

  TcpRing(RingPlace place, RingConnection connection) {
    this.place = place;
    this.connection = connection;
    this.operations =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread thread = new Thread(task, "ring-of-rank-" + place.rank());
              thread.setDaemon(true);
              return thread;
            });
  }

  @Override
  public int rank() {
    return place.rank();
  }

  @Override
  public int worldSize() {
    return place.worldSize();
  }

  @Override
  public void atStep(long newStep) {
    step = newStep;
  }

  @Override
  public long step() {
    return step;
  }

  @Override
  public long sentBytes() {
    return connection.sentBytes();
  }

  @Override
  public void allReduceSum(ByteBuffer values) {
    await(startAllReduceSum(values));
  }

  @Override
  public Future<?> startAllReduceSum(ByteBuffer values) {
    return start(RingTransfer.allReduce(Buffers.floats(values), rank(), worldSize()));
  }

  @Override
  public Future<?> startReduceScatterSum(ByteBuffer values) {
    return start(RingTransfer.reduceScatter(Buffers.floats(values), rank(), worldSize()));
  }

  @Override
  public Future<?> startAllGather(ByteBuffer values) {
    return start(
        RingTransfer.allGather(RingTransfer.shares(Buffers.floats(values), worldSize()), rank()));
  }

  @Override
  public double[] allReduceSum(double... values) {
    List<ByteBuffer> blocks = new ArrayList<>();
    for (int i = 0; i < worldSize(); i++) {
      blocks.add(ByteBuffer.allocateDirect(values.length * Double.BYTES));
    }
    blocks.get(rank()).asDoubleBuffer().put(values);
    await(start(RingTransfer.allGather(blocks, rank())));
    double[] sums = new double[values.length];
    for (ByteBuffer block : blocks) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += block.getDouble(i * Double.BYTES);
      }
    }
    return sums;
  }

  @Override
  public void broadcast(ByteBuffer bytes, int root) {
    Buffers.checkRoot(root, worldSize());
    await(start(RingTransfer.broadcast(bytes, root, rank(), worldSize())));
  }

  @Override
  public List<byte[]> allGather(byte[] bytes) {
    int[] sizes = new int[worldSize()];
    Arrays.setAll(sizes, i -> Integer.BYTES);
    ByteBuffer size = ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length);
    List<ByteBuffer> gatheredSizes = allGather(size, sizes);
    Arrays.setAll(sizes, i -> checkedSize(i, gatheredSizes.get(i).getInt(0)));
    return allGather(ByteBuffer.wrap(bytes), sizes).stream().map(ByteBuffer::array).toList();
  }

  /** Memory is given to what the others say that they have. */
  private int checkedSize(int peer, int bytes) {
    if (bytes < 0 || bytes > MAX_GATHERED_BYTES) {
      String reason = "%s wants to send %d bytes".formatted(place.nameOf(peer), bytes);
      abort(reason);
      throw new InfrastructureException(
          "The all-gather on rank %d of %d failed at step %d: %s."
              .formatted(rank(), worldSize(), step, reason));
    }
    return bytes;
  }

  private List<ByteBuffer> allGather(ByteBuffer own, int[] sizes) {
    List<ByteBuffer> blocks = Arrays.stream(sizes).mapToObj(ByteBuffer::allocate).toList();
    blocks.get(rank()).put(0, own, 0, own.limit());
    await(start(RingTransfer.allGather(blocks, rank())));
    return blocks;
  }

  @Override
  public void barrier() {
    // Ends only when something has come from every rank.
    allReduceSum(0.0);
  }

  private Future<?> start(RingTransfer transfer) {
    long stepOfCall = step;
    InfrastructureException broken = connection.brokenOrNull(nameOf(transfer, stepOfCall));
    if (broken != null) {
      throw broken;
    }
    try {
      return operations.submit(() -> connection.run(transfer, stepOfCall));
    } catch (RejectedExecutionException e) {
      throw new InfrastructureException(
          nameOf(transfer, stepOfCall) + " failed: the collective is closed.", e);
    }
  }

  private String nameOf(RingTransfer transfer, long stepOfCall) {
    return "The %s of %d bytes on rank %d of %d at step %d"
        .formatted(transfer.operation(), transfer.bytes(), rank(), worldSize(), stepOfCall);
  }

  /** Bounded by the timeouts of the operations that are queued before this one, and its own. */
  private void await(Future<?> operation) {
    try {
      operation.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SparkhawkException failure) {
        throw failure;
      }
      throw new IllegalStateException("the ring's thread failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      abort("rank %d was interrupted".formatted(rank()));
      throw new InfrastructureException(
          "Rank %d of %d was interrupted at step %d.".formatted(rank(), worldSize(), step), e);
    }
  }

  @Override
  public void abort(String reason) {
    connection.abort("it was aborted: " + reason);
    try {
      operations.execute(connection::tellNeighbours);
    } catch (RejectedExecutionException ignored) {
      // Closed already: the neighbours see the end of the connections.
    }
  }

  @Override
  public void close() {
    operations.shutdown();
    try {
      // Only operations that nobody waits for can be under way; abort lets them end at once.
      if (!operations.awaitTermination(0, TimeUnit.SECONDS)) {
        connection.abort("the collective was closed");
        if (!operations.awaitTermination(5, TimeUnit.SECONDS)) {
          operations.shutdownNow();
        }
      }
      connection.close();
    } catch (InterruptedException e) {
      operations.shutdownNow();
      Thread.currentThread().interrupt();
    } catch (IOException ignored) {
      // All data that matters was acknowledged by the operations themselves.
    }
  }
}
