package io.sparkhawk.data.error;

/**
 * A failure that is explained to the user in one sentence: what failed, which value, where, and
 * what to do.
 */
public abstract sealed class SparkhawkException extends RuntimeException
    permits ConfigurationException, DataException, InfrastructureException, UnknownStateException {

  protected SparkhawkException(String message, Throwable cause) {
    super(message, cause);
  }

  /** The exit code that tells a scheduler what to do: 2, 3, 4 or 5. */
  public abstract int exitCode();
}
