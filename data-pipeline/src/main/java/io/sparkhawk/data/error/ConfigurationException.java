package io.sparkhawk.data.error;

/** The command line, a setting or the cluster's settings are wrong; a person corrects them. */
public final class ConfigurationException extends SparkhawkException {

  public ConfigurationException(String message) {
    this(message, null);
  }

  public ConfigurationException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 2;
  }
}
