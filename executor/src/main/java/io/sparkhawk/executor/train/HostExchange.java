package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.tensor.HostMemory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/** Exchanges gradients and weights in host memory where they are, through the collective. */
final class HostExchange implements Exchange {

  private final FlatParameters parameters;
  private final Collective collective;
  private final boolean sharded;
  private final List<Future<?>> pending = new ArrayList<>();

  HostExchange(FlatParameters parameters, Collective collective, boolean sharded) {
    this.parameters = parameters;
    this.collective = collective;
    this.sharded = sharded;
  }

  @Override
  public void startSum(FlatLayout.Range segment) {
    if (segment.count() > 0) {
      ByteBuffer gradients = view(parameters.gradients(), segment);
      pending.add(
          sharded
              ? collective.startReduceScatterSum(gradients)
              : collective.startAllReduceSum(gradients));
    }
  }

  @Override
  public void startGather(FlatLayout.Range segment) {
    if (segment.count() > 0) {
      pending.add(collective.startAllGather(view(parameters.computed(), segment)));
    }
  }

  private static ByteBuffer view(NDArray buffer, FlatLayout.Range range) {
    return HostMemory.view(buffer, range.first(), range.count());
  }

  @Override
  public double awaitSums() {
    long start = System.nanoTime();
    try {
      pending.forEach(Transfers::await);
    } finally {
      close();
    }
    return (System.nanoTime() - start) / 1e9;
  }

  @Override
  public double useGathered() {
    return awaitSums();
  }

  @Override
  public void awaitGathered() {
    awaitSums();
  }

  @Override
  public String description() {
    return "between host memories";
  }

  @Override
  public void close() {
    pending.forEach(Transfers::settle);
    pending.clear();
  }
}
