package io.sparkhawk.driver.coordinator;

import io.sparkhawk.executor.train.StepMetrics;
import java.time.Instant;
import java.util.List;
import java.util.Objects;

/**
 * What one rank has just told of itself. A rank tells of each step as soon as it is made, and that
 * it is alive at least every {@code timeouts.heartbeat} divided by several.
 *
 * @param work what its generation does, such as {@code stage distill}
 * @param workers ranks of the generation
 * @param rank the rank
 * @param executor Spark's name of its process
 * @param address where it runs, {@code host:port}
 * @param time when the driver heard it
 * @param steps the steps that it has made since it was last heard, oldest first; seconds and sums
 *     of seconds are this rank's own, loss and gradient norm are those of all ranks
 */
public record RankHeartbeat(
    String work,
    int workers,
    int rank,
    String executor,
    String address,
    Instant time,
    List<StepMetrics> steps) {

  public RankHeartbeat {
    Objects.requireNonNull(work, "work");
    Objects.requireNonNull(executor, "executor");
    Objects.requireNonNull(address, "address");
    Objects.requireNonNull(time, "time");
    steps = List.copyOf(steps);
  }
}
