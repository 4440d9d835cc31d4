package io.sparkhawk.executor.evaluate;

import java.util.List;

/**
 * A number and how far chance may have moved it.
 *
 * @param standardError NaN if there is only one example
 */
public record Measurement(double value, double standardError) {

  /** The unweighted mean over tasks, which are independent of each other. */
  public static Measurement average(List<Measurement> tasks) {
    double sum = 0;
    double variance = 0;
    for (Measurement task : tasks) {
      sum += task.value;
      variance += task.standardError * task.standardError;
    }
    return new Measurement(sum / tasks.size(), Math.sqrt(variance) / tasks.size());
  }
}
