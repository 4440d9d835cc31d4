package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/**
 * The sum of all ranks' gradients, segment by segment, while other segments are computed. Gradients
 * in host memory are summed where they are; those of a GPU go through host memory and back.
 */
final class GradientSum {

  private final NDArray gradients;
  private final Collective collective;
  private final boolean onHost;
  private final List<Pending> pending = new ArrayList<>();

  GradientSum(NDArray gradients, Collective collective) {
    this.gradients = gradients;
    this.collective = collective;
    this.onHost = gradients.getDevice().equals(Device.cpu());
  }

  /** A run of the gradients whose sum is on its way, in {@code host} if they are on a GPU. */
  private record Pending(FlatLayout.Range range, NDArray host, Future<?> sum) {}

  /** Starts to sum a run of the gradients, which must not be touched before {@link #await}. */
  void start(FlatLayout.Range range) {
    if (collective.worldSize() == 1 || range.count() == 0) {
      return;
    }
    NDArray host = onHost ? gradients : hostCopy(range);
    ByteBuffer bytes = HostMemory.view(host, onHost ? range.first() : 0, range.count());
    pending.add(new Pending(range, host, collective.startAllReduceSum(bytes)));
  }

  private NDArray hostCopy(FlatLayout.Range range) {
    try (TensorScope scope = TensorScope.open()) {
      return TensorScope.detach(
          Operators.narrow(gradients, 0, range.first(), range.count())
              .toDevice(Device.cpu(), true));
    }
  }

  /** Waits until all that was started is there. */
  void await() {
    try {
      for (Pending part : pending) {
        await(part.sum);
        if (!onHost) {
          try (TensorScope scope = TensorScope.open()) {
            Operators.copy(
                part.host, Operators.narrow(gradients, 0, part.range.first(), part.range.count()));
          }
        }
      }
    } finally {
      if (!onHost) {
        pending.forEach(part -> part.host.close());
      }
      pending.clear();
    }
  }

  private static void await(Future<?> sum) {
    try {
      sum.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("interrupted while waiting for an all-reduce", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SparkhawkException known) {
        throw known;
      }
      throw new InfrastructureException("an all-reduce failed: " + e.getCause(), e.getCause());
    }
  }
}
