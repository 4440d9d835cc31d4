package io.sparkhawk.executor.collective;

import java.net.SocketTimeoutException;
import java.time.Duration;

/** A point in time by which something must have happened. */
record Deadline(long nanoTime) {

  static Deadline in(Duration duration) {
    return new Deadline(System.nanoTime() + duration.toNanos());
  }

  Deadline orIn(Duration duration) {
    Deadline other = in(duration);
    return other.nanoTime - nanoTime < 0 ? other : this;
  }

  /** At least 1, as 0 means no limit to a socket. */
  int millisLeft() throws SocketTimeoutException {
    long millis = (nanoTime - System.nanoTime()) / 1_000_000;
    if (millis <= 0) {
      throw new SocketTimeoutException("the time is over");
    }
    return (int) Math.min(millis, Integer.MAX_VALUE);
  }
}
