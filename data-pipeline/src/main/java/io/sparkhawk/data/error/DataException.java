package io.sparkhawk.data.error;

/** A corpus, shard, tokenizer, weights file or checkpoint is missing, corrupt or does not fit. */
public final class DataException extends SparkhawkException {

  public DataException(String message) {
    this(message, null);
  }

  public DataException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 3;
  }
}
