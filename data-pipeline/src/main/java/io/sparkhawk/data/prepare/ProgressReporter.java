package io.sparkhawk.data.prepare;

import io.sparkhawk.data.prepare.PrepareProgress.Phase;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import scala.collection.Iterable;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Tells a listener twice a second how far a phase is. The counts of running tasks come with the
 * executors' heartbeats (spark.executor.heartbeatInterval), those of finished tasks at once.
 */
final class ProgressReporter extends SparkListener {

  private static final long PERIOD_MILLIS = 500;

  private final SparkContext spark;
  private final Phase phase;
  private final ProgressCounters counters;
  private final long totalBytes;
  private final long runBegan;
  private final long phaseBegan = System.nanoTime();
  private final Consumer<PrepareProgress> listener;
  private final ScheduledExecutorService clock;

  private final Map<Long, Counts> running = new HashMap<>();
  private Counts finished = new Counts(0, 0, 0);

  private record Counts(long documents, long tokens, long bytes) {

    Counts plus(Counts other) {
      return new Counts(documents + other.documents, tokens + other.tokens, bytes + other.bytes);
    }
  }

  /**
   * @param spark runs the phase
   * @param totalBytes what {@link ProgressCounters#bytes} comes to at the end of the phase
   * @param runBegan nano time at which the preparation began
   */
  ProgressReporter(
      SparkContext spark,
      Phase phase,
      ProgressCounters counters,
      long totalBytes,
      long runBegan,
      Consumer<PrepareProgress> listener) {
    this.spark = spark;
    this.phase = phase;
    this.counters = counters;
    this.totalBytes = totalBytes;
    this.runBegan = runBegan;
    this.listener = listener;
    this.clock =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "prepare-progress");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Reports while {@code work} runs, and a last time at its end. */
  <T> T during(Supplier<T> work) {
    spark.addSparkListener(this);
    ScheduledFuture<?> reports =
        clock.scheduleAtFixedRate(this::report, 0, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    T result;
    try {
      result = work.get();
    } finally {
      stop(reports);
    }
    report();
    return result;
  }

  private void stop(ScheduledFuture<?> reports) {
    spark.removeSparkListener(this);
    reports.cancel(false);
    clock.shutdown();
    try {
      // A listener that hangs must not hang the job with it.
      clock.awaitTermination(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public synchronized void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate update) {
    CollectionConverters.asJava(update.accumUpdates())
        .forEach(task -> running.put((Long) task._1(), counts(task._4())));
  }

  @Override
  public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
    running.remove(end.taskInfo().taskId());
    if (end.taskInfo().successful()) {
      finished = finished.plus(counts(end.taskInfo().accumulables()));
    }
  }

  private Counts counts(Iterable<AccumulableInfo> accumulables) {
    Map<Long, Long> byId = new HashMap<>();
    for (AccumulableInfo info : CollectionConverters.asJava(accumulables)) {
      if (info.update().isDefined() && info.update().get() instanceof Long value) {
        byId.put(info.id(), value);
      }
    }
    return new Counts(
        byId.getOrDefault(counters.documents().id(), 0L),
        byId.getOrDefault(counters.tokens().id(), 0L),
        byId.getOrDefault(counters.bytes().id(), 0L));
  }

  private void report() {
    listener.accept(progress());
  }

  private synchronized PrepareProgress progress() {
    Counts all = running.values().stream().reduce(finished, Counts::plus);
    long now = System.nanoTime();
    double phaseSeconds = Math.max(1e-9, (now - phaseBegan) / 1e9);
    return new PrepareProgress(
        phase,
        all.documents(),
        all.tokens(),
        all.tokens() / phaseSeconds,
        totalBytes == 0 ? 0 : Math.min(1, all.bytes() / (double) totalBytes),
        (now - runBegan) / 1e9);
  }
}
