package io.sparkhawk.driver.coordinator;

import java.util.Objects;

/**
 * A rank has become a straggler, or has stopped being one.
 *
 * @param slow whether it is one now
 * @param rank the rank
 * @param worker its executor and host, for people
 * @param step the step at which that showed
 * @param seconds the rank's median time of computing a step
 * @param medianSeconds the median of that over all ranks
 */
public record PaceChange(
    boolean slow, int rank, String worker, long step, double seconds, double medianSeconds) {

  public PaceChange {
    Objects.requireNonNull(worker, "worker");
  }
}
