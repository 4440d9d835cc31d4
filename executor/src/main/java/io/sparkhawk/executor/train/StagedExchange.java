package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/** Exchanges gradients and weights of GPUs through copies in host memory and the collective. */
final class StagedExchange implements Exchange {

  private final FlatParameters parameters;
  private final Collective collective;
  private final boolean sharded;
  private final List<Pending> pending = new ArrayList<>();

  StagedExchange(FlatParameters parameters, Collective collective, boolean sharded) {
    this.parameters = parameters;
    this.collective = collective;
    this.sharded = sharded;
  }

  /** A run of {@code device} whose new elements are on their way in {@code host}. */
  private record Pending(NDArray device, FlatLayout.Range range, NDArray host, Future<?> done) {}

  @Override
  public void startSum(FlatLayout.Range segment) {
    NDArray gradients = parameters.gradients();
    if (segment.count() > 0) {
      NDArray host = hostCopy(gradients, segment);
      ByteBuffer memory = HostMemory.view(host, 0, host.size());
      Future<?> sum =
          sharded ? collective.startReduceScatterSum(memory) : collective.startAllReduceSum(memory);
      pending.add(new Pending(gradients, segment, host, sum));
    }
  }

  @Override
  public void startGather(FlatLayout.Range segment) {
    if (segment.count() > 0) {
      NDArray host = hostCopy(parameters.computed(), segment);
      ByteBuffer memory = HostMemory.view(host, 0, host.size());
      pending.add(
          new Pending(parameters.computed(), segment, host, collective.startAllGather(memory)));
    }
  }

  private static NDArray hostCopy(NDArray device, FlatLayout.Range range) {
    try (TensorScope scope = TensorScope.open()) {
      return TensorScope.detach(view(device, range).toDevice(Device.cpu(), true));
    }
  }

  /** As float32, whatever the elements are: DJL cannot move bfloat16. */
  private static NDArray view(NDArray device, FlatLayout.Range range) {
    return Operators.words(FlatParameters.narrow(device, range));
  }

  @Override
  public double awaitSums() {
    long start = System.nanoTime();
    try (TensorScope scope = TensorScope.open()) {
      for (Pending part : pending) {
        Transfers.await(part.done);
        Operators.copy(part.host, view(part.device, part.range));
      }
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
    return "through host memory";
  }

  @Override
  public void close() {
    for (Pending part : pending) {
      Transfers.settle(part.done);
      part.host.close();
    }
    pending.clear();
  }
}
