package io.sparkhawk.executor.worker;

import java.io.Serializable;
import java.time.Duration;
import java.util.Objects;

/**
 * How long the driver and the workers wait for each other.
 *
 * @param gathering from the first worker's join to the last one's, and for connecting to peers
 * @param heartbeat between two heartbeats of a worker
 * @param silence without a heartbeat, after which a worker is given up; and without an answer,
 *     after which a worker gives up the driver
 */
public record WorkerTimeouts(Duration gathering, Duration heartbeat, Duration silence)
    implements Serializable {

  /** Half a second between heartbeats, a minute for everything else. */
  public static final WorkerTimeouts DEFAULT =
      new WorkerTimeouts(Duration.ofMinutes(1), Duration.ofMillis(500), Duration.ofMinutes(1));

  public WorkerTimeouts {
    Objects.requireNonNull(gathering, "gathering");
    Objects.requireNonNull(heartbeat, "heartbeat");
    Objects.requireNonNull(silence, "silence");
    if (heartbeat.compareTo(silence) >= 0) {
      throw new IllegalArgumentException(
          "the silence that is borne ("
              + silence
              + ") must exceed the heartbeat ("
              + heartbeat
              + ")");
    }
  }
}
