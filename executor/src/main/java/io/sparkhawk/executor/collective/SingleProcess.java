package io.sparkhawk.executor.collective;

import io.sparkhawk.data.error.InfrastructureException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;

/** The collective of a world of one: there is nobody to wait for. */
public final class SingleProcess implements Collective {

  private final AtomicReference<String> brokenBecause = new AtomicReference<>();
  private long step;

  private SingleProcess() {}

  /** A collective whose only rank is 0. */
  public static SingleProcess create() {
    return new SingleProcess();
  }

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int worldSize() {
    return 1;
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
  public void allReduceSum(ByteBuffer values) {
    checkUsable();
    Buffers.floats(values);
  }

  @Override
  public Future<?> startAllReduceSum(ByteBuffer values) {
    allReduceSum(values);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public Future<?> startReduceScatterSum(ByteBuffer values) {
    return startAllReduceSum(values);
  }

  @Override
  public Future<?> startAllGather(ByteBuffer values) {
    return startAllReduceSum(values);
  }

  @Override
  public double[] allReduceSum(double... values) {
    checkUsable();
    return values.clone();
  }

  @Override
  public void broadcast(ByteBuffer bytes, int root) {
    checkUsable();
    Buffers.checkRoot(root, 1);
  }

  @Override
  public List<byte[]> allGather(byte[] bytes) {
    checkUsable();
    return List.of(bytes.clone());
  }

  @Override
  public void barrier() {
    checkUsable();
  }

  @Override
  public void abort(String reason) {
    brokenBecause.compareAndSet(null, "was aborted: " + reason);
  }

  @Override
  public void close() {
    brokenBecause.compareAndSet(null, "is closed");
  }

  private void checkUsable() {
    String reason = brokenBecause.get();
    if (reason != null) {
      throw new InfrastructureException("The collective of the only rank %s.".formatted(reason));
    }
  }
}
