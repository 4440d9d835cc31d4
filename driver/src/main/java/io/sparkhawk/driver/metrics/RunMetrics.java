package io.sparkhawk.driver.metrics;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.launch.RunListener;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.SparkEnv;
import org.apache.spark.metrics.source.Source;

/**
 * Counts and measures what a run tells, as a source of Spark's metrics system in the driver.
 *
 * <p>Heard from by one thread; read by Spark's sinks on theirs.
 */
public final class RunMetrics implements RunListener, Source {

  /** Name of the source, by which {@link MetricsPage} knows what is a run's. */
  static final String SOURCE = "SparkhawkRun";

  private final MetricRegistry registry = new MetricRegistry();
  private final Map<String, AtomicReference<Double>> values = new HashMap<>();
  private final String run;
  private final InstantSource clock;
  private final Set<Integer> stragglers = new TreeSet<>();
  private final Set<Integer> ranks = new TreeSet<>();
  private String stage = "";
  private long skipped;

  /**
   * Metrics of a run that has not begun.
   *
   * @param workers workers that the run asks for
   * @param clock tells when something happened
   */
  public RunMetrics(String run, int workers, InstantSource clock) {
    this.run = run;
    this.clock = clock;
    String version =
        Optional.ofNullable(RunMetrics.class.getPackage().getImplementationVersion()).orElse("");
    set(1, MetricFamily.BUILD_INFO, version);
    set(workers, MetricFamily.WORKERS_WANTED, run);
    set(0, MetricFamily.WORKERS, run);
    set(0, MetricFamily.STRAGGLERS, run);
    // A counter that begins with its first event would hide that event from increase().
    add(0, MetricFamily.RESTARTS, run);
    add(0, MetricFamily.LOST_SECONDS, run);
  }

  /** Makes the metrics known to the Spark application of this process, which must have begun. */
  public void register() {
    SparkEnv.get().metricsSystem().registerSource(this);
  }

  @Override
  public String sourceName() {
    return SOURCE;
  }

  @Override
  public MetricRegistry metricRegistry() {
    return registry;
  }

  @Override
  public void teacherEvaluated(Evaluation teacher) {
    set(teacher.perplexity(), MetricFamily.PERPLEXITY, run, "teacher");
  }

  @Override
  public void stageStarted(StageSettings settings, int number, int stages) {
    stage = settings.name().label();
    skipped = 0;
    forgetRanks();
    set((double) settings.steps(), MetricFamily.STAGE_STEPS, run, stage);
    set(now(), MetricFamily.LAST_STEP, run, stage);
    set(now(), MetricFamily.LAST_CHECKPOINT, run, stage);
    add(0, MetricFamily.STEPS, run, stage);
    add(0, MetricFamily.TOKENS, run, stage);
    add(0, MetricFamily.SKIPPED_STEPS, run, stage);
    add(0, MetricFamily.CHECKPOINTS, run, stage);
    set(1, MetricFamily.TRAINING, run, stage);
  }

  @Override
  public void stageSkipped(StageResult result) {}

  @Override
  public void trainingStarted(String label, long done) {
    set((double) done, MetricFamily.STEP, run, stage);
    set(now(), MetricFamily.LAST_STEP, run, stage);
    stragglers.clear();
    set(0, MetricFamily.STRAGGLERS, run);
  }

  @Override
  public void step(StepMetrics step) {
    set((double) step.step(), MetricFamily.STEP, run, stage);
    set(now(), MetricFamily.LAST_STEP, run, stage);
    add(1, MetricFamily.STEPS, run, stage);
    add((double) step.tokens() / step.step(), MetricFamily.TOKENS, run, stage);
    add(
        (double) Math.max(0, step.skippedSteps() - skipped),
        MetricFamily.SKIPPED_STEPS,
        run,
        stage);
    skipped = step.skippedSteps();
    set(step.loss(), MetricFamily.LOSS, run, stage);
    set(step.gradientNorm(), MetricFamily.GRADIENT_NORM, run, stage);
    set(step.learningRate(), MetricFamily.LEARNING_RATE, run, stage);
  }

  @Override
  public void rankHeard(RankHeartbeat heard) {
    String rank = Integer.toString(heard.rank());
    ranks.add(heard.rank());
    set(seconds(heard.time()), MetricFamily.LAST_HEARTBEAT, run, rank);
    for (StepMetrics step : heard.steps()) {
      String label = step.stage().label();
      add(step.seconds(), MetricFamily.STEP_SECONDS, run, label, rank);
      add(step.computeSeconds(), MetricFamily.COMPUTE_SECONDS, run, label, rank);
      add(step.waitSeconds(), MetricFamily.WAIT_SECONDS, run, label, rank);
      add(step.dataSeconds(), MetricFamily.DATA_SECONDS, run, label, rank);
      add(step.checkpointSeconds(), MetricFamily.STALL_SECONDS, run, label, rank);
    }
  }

  @Override
  public void checkpointPublished(PublishedCheckpoint checkpoint) {
    add(1, MetricFamily.CHECKPOINTS, run, checkpoint.stage());
    set((double) checkpoint.bytes(), MetricFamily.CHECKPOINT_BYTES, run, checkpoint.stage());
    set(now(), MetricFamily.LAST_CHECKPOINT, run, checkpoint.stage());
  }

  @Override
  public void runEvent(RunEvent event) {
    switch (event.event()) {
      case TRAINING -> {
        set(event.workers(), MetricFamily.WORKERS, run);
        add(event.lostSeconds(), MetricFamily.LOST_SECONDS, run);
      }
      case RESTART -> {
        add(1, MetricFamily.RESTARTS, run);
        forgetRanks();
      }
      case RESIZE -> forgetRanks();
      case STRAGGLER -> stragglers.add(event.rank());
      case RECOVERED -> stragglers.remove(event.rank());
      case SESSION, CHECKPOINT, ENDED -> {
        return; // Heard of otherwise, or of no interest here.
      }
    }
    set(stragglers.size(), MetricFamily.STRAGGLERS, run);
  }

  /** The ranks of the next workers may be fewer, and nothing is late before they begin. */
  private void forgetRanks() {
    set(0, MetricFamily.WORKERS, run);
    stragglers.clear();
    for (int rank : ranks) {
      remove(MetricFamily.LAST_HEARTBEAT.series(run, Integer.toString(rank)));
    }
    ranks.clear();
  }

  @Override
  public void stageEnded(StageResult result) {
    set(0, MetricFamily.TRAINING, run, stage);
    set(result.after().perplexity(), MetricFamily.PERPLEXITY, run, "student");
    forgetRanks();
    set(0, MetricFamily.STRAGGLERS, run);
  }

  @Override
  public void studentEvaluated(Evaluation student) {
    set(student.perplexity(), MetricFamily.PERPLEXITY, run, "student");
  }

  private void set(double value, MetricFamily family, String... labels) {
    value(family.series(labels)).set(value);
  }

  private void add(double increase, MetricFamily family, String... labels) {
    Double unused = value(family.series(labels)).updateAndGet(before -> before + increase);
  }

  private AtomicReference<Double> value(String series) {
    return values.computeIfAbsent(
        series,
        name -> {
          AtomicReference<Double> value = new AtomicReference<>(0.0);
          Gauge<Double> unused = registry.register(name, value::get);
          return value;
        });
  }

  private void remove(String series) {
    AtomicReference<Double> unused = values.remove(series);
    registry.remove(series);
  }

  private double now() {
    return seconds(clock.instant());
  }

  private static double seconds(Instant time) {
    return time.toEpochMilli() / 1e3;
  }
}
