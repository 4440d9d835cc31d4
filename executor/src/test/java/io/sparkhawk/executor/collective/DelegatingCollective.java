package io.sparkhawk.executor.collective;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.Future;

/** A collective that passes every call on, for tests that change some of them. */
public class DelegatingCollective implements Collective {

  private final Collective delegate;

  protected DelegatingCollective(Collective delegate) {
    this.delegate = delegate;
  }

  @Override
  public int rank() {
    return delegate.rank();
  }

  @Override
  public int worldSize() {
    return delegate.worldSize();
  }

  @Override
  public void atStep(long step) {
    delegate.atStep(step);
  }

  @Override
  public long step() {
    return delegate.step();
  }

  @Override
  public void allReduceSum(ByteBuffer values) {
    delegate.allReduceSum(values);
  }

  @Override
  public Future<?> startAllReduceSum(ByteBuffer values) {
    return delegate.startAllReduceSum(values);
  }

  @Override
  public Future<?> startReduceScatterSum(ByteBuffer values) {
    return delegate.startReduceScatterSum(values);
  }

  @Override
  public Future<?> startAllGather(ByteBuffer values) {
    return delegate.startAllGather(values);
  }

  @Override
  public double[] allReduceSum(double... values) {
    return delegate.allReduceSum(values);
  }

  @Override
  public void broadcast(ByteBuffer bytes, int root) {
    delegate.broadcast(bytes, root);
  }

  @Override
  public List<byte[]> allGather(byte[] bytes) {
    return delegate.allGather(bytes);
  }

  @Override
  public long sentBytes() {
    return delegate.sentBytes();
  }

  @Override
  public void barrier() {
    delegate.barrier();
  }

  @Override
  public void abort(String reason) {
    delegate.abort(reason);
  }

  @Override
  public void close() {
    delegate.close();
  }
}
