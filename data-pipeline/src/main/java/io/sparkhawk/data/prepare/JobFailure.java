package io.sparkhawk.data.prepare;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.storage.Storage;
import java.io.IOException;
import java.util.concurrent.Callable;

/** Finds the one failure that matters to the user behind what Spark throws. */
final class JobFailure {

  private JobFailure() {}

  /** Calls {@code work}; whatever it throws becomes an exception for the user. */
  static <T> T explained(Callable<T> work) {
    try {
      return work.call();
    } catch (Exception e) {
      throw explain(e);
    }
  }

  private static SparkhawkException explain(Exception failure) {
    Throwable last = failure;
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof SparkhawkException explained) {
        return explained;
      }
      if (cause instanceof IOException io && isFullDisk(io)) {
        return Storage.writeFailure("Spark's local folders (spark.local.dir)", io);
      }
      last = cause;
    }
    return new InfrastructureException(
        "The preparation failed: "
            + last.getClass().getSimpleName()
            + ": "
            + last.getMessage()
            + ". What is finished is kept; run the same command again to continue.",
        failure);
  }

  private static boolean isFullDisk(IOException failure) {
    return String.valueOf(failure.getMessage()).contains("No space left on device");
  }
}
