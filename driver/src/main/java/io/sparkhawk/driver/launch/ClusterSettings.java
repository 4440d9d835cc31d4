package io.sparkhawk.driver.launch;

import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/**
 * The workers that a run asks for.
 *
 * @param workers processes that train together, each on its own GPU or its share of the CPU's cores
 * @param minWorkers the fewest of them that are worth a start
 * @param executorWait for that many to be there before fewer will do
 * @param threadsPerWorker threads of each worker's tensor operations on the CPU
 * @param workerMemory Java heap of each worker, such as 1g; tensors live outside of it
 * @param gpu whether each worker computes on a GPU of its own
 * @param spark more settings of Spark, by their own names; they win over what spark-submit was
 *     given
 * @param watched whether Spark's web interface is served where its settings do not say
 * @param eventFolder a URI: where a session on this machine keeps Spark's event log, unless its
 *     settings say otherwise; empty for nowhere
 */
public record ClusterSettings(
    int workers,
    int minWorkers,
    Duration executorWait,
    int threadsPerWorker,
    String workerMemory,
    boolean gpu,
    Map<String, String> spark,
    boolean watched,
    String eventFolder) {

  private static final Duration EXECUTOR_WAIT = Duration.ofMinutes(2);

  public ClusterSettings {
    if (workers < 1 || threadsPerWorker < 1) {
      throw new IllegalArgumentException(
          "workers and their threads must be positive: " + workers + ", " + threadsPerWorker);
    }
    if (minWorkers < 1 || minWorkers > workers) {
      throw new IllegalArgumentException(
          "minWorkers must be between 1 and " + workers + ": " + minWorkers);
    }
    Objects.requireNonNull(executorWait, "executorWait");
    Objects.requireNonNull(workerMemory, "workerMemory");
    spark = Map.copyOf(spark);
    Objects.requireNonNull(eventFolder, "eventFolder");
  }

  /** Workers on the CPU of which none may be missing. */
  public ClusterSettings(
      int workers, int threadsPerWorker, String workerMemory, Map<String, String> spark) {
    this(workers, workers, EXECUTOR_WAIT, threadsPerWorker, workerMemory, false, spark, false, "");
  }

  /** The same workers, on GPUs or not. */
  public ClusterSettings onGpus(boolean whether) {
    return new ClusterSettings(
        workers,
        minWorkers,
        executorWait,
        threadsPerWorker,
        workerMemory,
        whether,
        spark,
        watched,
        eventFolder);
  }

  /**
   * The same workers, of a session that can be watched.
   *
   * @param events where a session on this machine keeps Spark's event log; empty for nowhere
   */
  public ClusterSettings watched(String events) {
    return new ClusterSettings(
        workers,
        minWorkers,
        executorWait,
        threadsPerWorker,
        workerMemory,
        gpu,
        spark,
        true,
        events);
  }
}
