package io.sparkhawk.executor.train;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/** Waits for sums that a collective has started. */
final class Sums {

  private Sums() {}

  /** Returns when the sum is there; the collective's own timeouts bound the wait. */
  static void await(Future<?> sum) {
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

  /** Returns when the sum no longer uses its memory, whatever has become of it. */
  static void settle(Future<?> sum) {
    try {
      await(sum);
    } catch (SparkhawkException ignored) {
      // Whoever needs the sum hears of the failure from await.
    }
  }
}
