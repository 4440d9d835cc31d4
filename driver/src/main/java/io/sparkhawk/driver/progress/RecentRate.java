package io.sparkhawk.driver.progress;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;

/** How fast a counter has grown lately: over the last {@code window}, or since its last reading. */
final class RecentRate {

  private record Reading(Instant time, double value) {}

  private final Duration window;
  private final Deque<Reading> readings = new ArrayDeque<>();

  RecentRate(Duration window) {
    this.window = window;
  }

  /** Takes a reading. One below the last (a run that resumed from a checkpoint) starts afresh. */
  void add(Instant time, double value) {
    if (!readings.isEmpty() && value < readings.getLast().value()) {
      readings.clear();
    }
    readings.addLast(new Reading(time, value));
    Instant oldest = time.minus(window);
    while (readings.size() > 2 && readings.getFirst().time().isBefore(oldest)) {
      readings.removeFirst();
    }
  }

  boolean isEmpty() {
    return readings.isEmpty();
  }

  /** Growth per second; NaN until two readings at different times are there. */
  double perSecond() {
    if (readings.isEmpty()) {
      return Double.NaN;
    }
    Reading first = readings.getFirst();
    Reading last = readings.getLast();
    double seconds = Duration.between(first.time(), last.time()).toNanos() / 1e9;
    return seconds > 0 ? (last.value() - first.value()) / seconds : Double.NaN;
  }
}
