package io.sparkhawk.executor.worker;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.data.storage.Storage;
import java.io.PrintWriter;
import java.io.Serializable;
import java.io.StringWriter;
import java.util.Objects;
import org.apache.hadoop.fs.FSError;

/**
 * A worker's failure in a form that survives the way to the driver: Spark would pass on only the
 * text of a task's exception.
 *
 * @param kind what the user should do about it
 * @param message the sentence for the user
 * @param stackTrace the worker's stack trace, for those who ask for it
 */
public record WorkerFailure(Kind kind, String message, String stackTrace) implements Serializable {

  /** Failures by their exception. */
  public enum Kind {
    CONFIGURATION,
    DATA,
    INFRASTRUCTURE,
    /** A worker is gone or silent, as the driver sees it. */
    LOST,
    UNKNOWN_STATE,
    /** Anything else: an error in the program. */
    UNEXPECTED
  }

  public WorkerFailure {
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(message, "message");
    Objects.requireNonNull(stackTrace, "stackTrace");
  }

  /** Describes what a worker's work threw. */
  public static WorkerFailure of(Throwable thrown) {
    Throwable failure = thrown instanceof FSError disk ? Storage.diskFailure(disk) : thrown;
    StringWriter trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace, true));
    return new WorkerFailure(kind(failure), message(failure), trace.toString());
  }

  /** A failure of processes or networks that no exception stands for. */
  public static WorkerFailure infrastructure(String message) {
    return new WorkerFailure(Kind.INFRASTRUCTURE, message, "");
  }

  /** A worker that the driver gives up: its process ended, or it came too late or is silent. */
  public static WorkerFailure lost(String message) {
    return new WorkerFailure(Kind.LOST, message, "");
  }

  /** The exception that ends the program with this failure's exit code and sentence. */
  public RuntimeException toException() {
    Throwable cause = stackTrace.isEmpty() ? null : new WorkerStackTrace(stackTrace);
    return switch (kind) {
      case CONFIGURATION -> new ConfigurationException(message, cause);
      case DATA -> new DataException(message, cause);
      case INFRASTRUCTURE, LOST -> new InfrastructureException(message, cause);
      case UNKNOWN_STATE -> new UnknownStateException(message, cause);
      case UNEXPECTED -> new IllegalStateException(message, cause);
    };
  }

  private static Kind kind(Throwable failure) {
    if (failure instanceof ConfigurationException) {
      return Kind.CONFIGURATION;
    }
    if (failure instanceof DataException) {
      return Kind.DATA;
    }
    if (failure instanceof UnknownStateException) {
      return Kind.UNKNOWN_STATE;
    }
    boolean infrastructure =
        failure instanceof InfrastructureException
            || failure instanceof InterruptedException
            || failure instanceof OutOfMemoryError;
    return infrastructure ? Kind.INFRASTRUCTURE : Kind.UNEXPECTED;
  }

  private static String message(Throwable failure) {
    if (failure instanceof SparkhawkException) {
      return failure.getMessage();
    }
    if (failure instanceof OutOfMemoryError) {
      return "A worker ran out of memory ("
          + failure.getMessage()
          + "); give each more memory or make the micro-batch smaller.";
    }
    if (failure instanceof InterruptedException) {
      return "Spark ended the task of a worker.";
    }
    return "A worker failed unexpectedly: " + failure;
  }

  /** Carries a remote stack trace as text. */
  private static final class WorkerStackTrace extends RuntimeException {
    WorkerStackTrace(String trace) {
      super("on the worker: " + trace, null, false, false);
    }
  }
}
