package io.sparkhawk.driver.launch;

import java.util.Map;
import java.util.Objects;

/**
 * The workers that a run asks for.
 *
 * @param workers processes that train together, each on its own GPU or its share of the CPU's cores
 * @param threadsPerWorker threads of each worker's tensor operations on the CPU
 * @param workerMemory Java heap of each worker, such as 1g; tensors live outside of it
 * @param spark more settings of Spark, by their own names; they win over what spark-submit was
 *     given
 */
public record ClusterSettings(
    int workers, int threadsPerWorker, String workerMemory, Map<String, String> spark) {

  public ClusterSettings {
    if (workers < 1 || threadsPerWorker < 1) {
      throw new IllegalArgumentException(
          "workers and their threads must be positive: " + workers + ", " + threadsPerWorker);
    }
    Objects.requireNonNull(workerMemory, "workerMemory");
    spark = Map.copyOf(spark);
  }
}
