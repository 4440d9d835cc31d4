package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/** Sums gradients of GPUs through copies in host memory and the collective. */
final class StagedSum implements GradientSum {

  private final NDArray gradients;
  private final Collective collective;
  private final List<Pending> pending = new ArrayList<>();

  StagedSum(NDArray gradients, Collective collective) {
    this.gradients = gradients;
    this.collective = collective;
  }

  /** A run of the gradients whose sum is on its way in {@code host}. */
  private record Pending(FlatLayout.Range range, NDArray host, Future<?> sum) {}

  @Override
  public void start(FlatLayout.Range range) {
    if (range.count() > 0) {
      NDArray host = hostCopy(range);
      pending.add(
          new Pending(
              range, host, collective.startAllReduceSum(HostMemory.view(host, 0, range.count()))));
    }
  }

  private NDArray hostCopy(FlatLayout.Range range) {
    try (TensorScope scope = TensorScope.open()) {
      return TensorScope.detach(view(range).toDevice(Device.cpu(), true));
    }
  }

  private NDArray view(FlatLayout.Range range) {
    return Operators.narrow(gradients, 0, range.first(), range.count());
  }

  @Override
  public double await() {
    long start = System.nanoTime();
    try (TensorScope scope = TensorScope.open()) {
      for (Pending part : pending) {
        Sums.await(part.sum);
        Operators.copy(part.host, view(part.range));
      }
    } finally {
      close();
    }
    return (System.nanoTime() - start) / 1e9;
  }

  @Override
  public String description() {
    return "through host memory";
  }

  @Override
  public void close() {
    for (Pending part : pending) {
      Sums.settle(part.sum);
      part.host.close();
    }
    pending.clear();
  }
}
