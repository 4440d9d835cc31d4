package io.sparkhawk.executor.worker;

import java.io.Serializable;
import java.util.Objects;

/** Where a worker listens for the other workers. */
public record PeerAddress(String host, int port) implements Serializable {

  public PeerAddress {
    Objects.requireNonNull(host, "host");
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException("not a TCP port: " + port);
    }
  }

  @Override
  public String toString() {
    return host + ":" + port;
  }
}
