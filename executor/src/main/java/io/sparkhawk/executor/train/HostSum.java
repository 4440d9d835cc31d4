package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.tensor.HostMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/** Sums gradients in host memory where they are, through the collective. */
final class HostSum implements GradientSum {

  private final NDArray gradients;
  private final Collective collective;
  private final List<Future<?>> pending = new ArrayList<>();

  HostSum(NDArray gradients, Collective collective) {
    this.gradients = gradients;
    this.collective = collective;
  }

  @Override
  public void start(FlatLayout.Range range) {
    if (range.count() > 0) {
      pending.add(
          collective.startAllReduceSum(HostMemory.view(gradients, range.first(), range.count())));
    }
  }

  @Override
  public double await() {
    long start = System.nanoTime();
    try {
      pending.forEach(Sums::await);
    } finally {
      close();
    }
    return (System.nanoTime() - start) / 1e9;
  }

  @Override
  public String description() {
    return "between host memories";
  }

  @Override
  public void close() {
    pending.forEach(Sums::settle);
    pending.clear();
  }
}
