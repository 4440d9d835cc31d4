package io.sparkhawk.driver.progress;

import io.sparkhawk.executor.train.StepMetrics;
import java.util.Locale;
import java.util.Optional;

/**
 * How much of a stage's time the first worker waited for its samples, without the first steps: they
 * fill the local cache. Not for several threads at once.
 */
final class DataWait {

  /** Steps in which the cache may still be filled. */
  private static final int FIRST_STEPS = 10;

  /** More than this share of the time is worth a word. */
  private static final double MUCH = 0.05;

  private int steps;
  private double waited;
  private double seconds;

  /** Adds a step. */
  void add(StepMetrics step) {
    steps++;
    if (steps > FIRST_STEPS) {
      waited += step.dataSeconds();
      seconds += step.seconds();
    }
  }

  /** What to tell a person; empty if training did not wait to speak of. */
  Optional<String> warning() {
    if (waited <= MUCH * seconds) {
      return Optional.empty();
    }
    return Optional.of(
        String.format(
            Locale.ROOT,
            "%.0f%% of the time after the first %d steps went to waiting for samples: the data set's"
                + " storage, or the disk of local-cache, is slower than training. Prepare or copy"
                + " the data set nearer to the workers.",
            100 * waited / seconds,
            FIRST_STEPS));
  }
}
