package io.sparkhawk.driver.run;

import java.time.Duration;
import java.time.Instant;

/**
 * One entry of a run's lease: who held the run, and when that was last said.
 *
 * @param supervisor the holder
 * @param since when it took the run, as ISO 8601
 * @param renewed when it wrote this entry, as ISO 8601
 * @param termSeconds for how long the entry counts
 * @param released whether the holder gave the run back with this entry
 */
record LeaseRecord(
    LeaseHolder supervisor, String since, String renewed, long termSeconds, boolean released) {

  static LeaseRecord of(
      LeaseHolder supervisor, Instant since, Instant renewed, Duration term, boolean released) {
    return new LeaseRecord(
        supervisor, since.toString(), renewed.toString(), term.toSeconds(), released);
  }

  /** When another process may take the run, unless a newer entry is written before. */
  Instant expiry() {
    return Instant.parse(renewed).plusSeconds(termSeconds);
  }

  /** Whether a process that finds this as the newest entry may take the run. */
  boolean isFree(Instant now) {
    return released || !now.isBefore(expiry()) || supervisor.hasEnded();
  }
}
