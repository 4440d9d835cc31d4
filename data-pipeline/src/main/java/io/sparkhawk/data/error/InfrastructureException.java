package io.sparkhawk.data.error;

/** A process, disk, network or storage failed; running the same command again may succeed. */
public final class InfrastructureException extends SparkhawkException {

  public InfrastructureException(String message) {
    this(message, null);
  }

  public InfrastructureException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 4;
  }
}
