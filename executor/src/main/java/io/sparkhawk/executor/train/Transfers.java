package io.sparkhawk.executor.train;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/** Waits for what a collective has started. */
final class Transfers {

  private Transfers() {}

  /** Returns when it is done; the collective's own timeouts bound the wait. */
  static void await(Future<?> transfer) {
    try {
      transfer.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("interrupted while waiting for the other ranks", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SparkhawkException known) {
        throw known;
      }
      throw new InfrastructureException(
          "a collective operation failed: " + e.getCause(), e.getCause());
    }
  }

  /** Returns when it no longer uses its memory, whatever has become of it. */
  static void settle(Future<?> transfer) {
    try {
      await(transfer);
    } catch (SparkhawkException ignored) {
      // Whoever needs the result hears of the failure from await.
    }
  }
}
