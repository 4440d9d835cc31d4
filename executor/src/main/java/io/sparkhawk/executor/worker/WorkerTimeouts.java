package io.sparkhawk.executor.worker;

import java.io.Serializable;
import java.time.Duration;
import java.util.Objects;

/**
 * How long the driver and the workers wait for each other.
 *
 * @param gathering from the start of the generation to the last worker's join
 * @param peer for a peer in the collective. It is the last resort and may be long: a peer that is
 *     gone or silent is seen by the driver much earlier
 * @param heartbeat between two heartbeats of a worker
 * @param silence without a heartbeat, after which a worker is given up; and without an answer,
 *     after which a worker gives up the driver
 */
public record WorkerTimeouts(
    Duration gathering, Duration peer, Duration heartbeat, Duration silence)
    implements Serializable {

  /**
   * A minute to gather, ten for a peer; half a second between heartbeats, half a minute of silence.
   */
  public static final WorkerTimeouts DEFAULT =
      new WorkerTimeouts(
          Duration.ofMinutes(1),
          Duration.ofMinutes(10),
          Duration.ofMillis(500),
          Duration.ofSeconds(30));

  public WorkerTimeouts {
    Objects.requireNonNull(gathering, "gathering");
    Objects.requireNonNull(peer, "peer");
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
