package io.sparkhawk.data.error;

/** It cannot be told whether a write took effect; a person looks before anything is run again. */
public final class UnknownStateException extends SparkhawkException {

  public UnknownStateException(String message) {
    this(message, null);
  }

  public UnknownStateException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 5;
  }
}
