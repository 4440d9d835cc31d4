package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.launch.LoopbackConf;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;

/**
 * A sample run that is told to a real Spark application's interface, at the pace of the test. Time
 * passes by what its steps take.
 */
final class WatchedRun implements AutoCloseable {

  static final int WORKERS = 2;
  private static final int VOCABULARY = 50_000;
  private static final int BATCH = 1024;

  private final SparkContext spark;
  private final TabProgress tab;
  private final URI page;
  private Instant now;

  private WatchedRun(SparkContext spark, Instant start) {
    this.spark = spark;
    this.now = start;
    List<StageSettings> stages =
        SampleRun.stages().stream().map(stage -> settings(stage.stage(), stage.tokens())).toList();
    InstantSource clock = () -> now;
    this.tab = new TabProgress("quickstart", stages, VOCABULARY, clock);
    this.page = URI.create(tab.watch(spark, List.of()).orElseThrow());
  }

  /**
   * Starts an application with an interface on a free port of the loopback interface.
   *
   * @param events where its event log goes
   */
  static WatchedRun start(Path events) {
    SparkConf conf =
        new LoopbackConf()
            .setMaster("local[1]")
            .setAppName("sparkhawk quickstart")
            .set("spark.driver.host", "127.0.0.1")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.ui.enabled", "true")
            .set("spark.ui.port", "0")
            .set("spark.ui.showConsoleProgress", "false")
            .set("spark.eventLog.enabled", "true")
            .set("spark.eventLog.rolling.enabled", "false")
            .set("spark.eventLog.dir", events.toUri().toString());
    return new WatchedRun(new SparkContext(conf), Instant.now().minusSeconds(260));
  }

  /** Where the page is. */
  URI page() {
    return page;
  }

  TabProgress tab() {
    return tab;
  }

  /** The time of the run. */
  Instant now() {
    return now;
  }

  String applicationId() {
    return spark.applicationId();
  }

  /** A stage with its steps, which all ranks make; the last rank computes for longer. */
  List<StepMetrics> train(StageKind kind, int from, int to) {
    List<StepMetrics> steps =
        SampleRun.steps().stream()
            .filter(step -> step.stage() == kind && step.step() > from && step.step() <= to)
            .toList();
    if (from == 0) {
      int number = SampleRun.stages().indexOf(result(kind)) + 1;
      tab.stageStarted(settings(kind, result(kind).tokens()), number, 3);
      tell(RunEvent.Kind.TRAINING, kind, 0, -1, 0, "");
    }
    for (StepMetrics step : steps) {
      make(step);
    }
    return steps;
  }

  void make(StepMetrics step) {
    now = now.plusNanos((long) (step.seconds() * 1e9));
    for (int rank = 0; rank < WORKERS; rank++) {
      tab.rankHeard(heartbeat(rank, List.of(slower(step, rank))));
    }
    tab.step(step);
  }

  private static StepMetrics slower(StepMetrics step, int rank) {
    double moved = rank == 0 ? 0 : 0.8 * step.waitSeconds();
    return new StepMetrics(
        step.stage(),
        step.step(),
        step.steps(),
        step.tokens(),
        step.loss(),
        step.blockLosses(),
        step.gradientNorm(),
        step.learningRate(),
        step.computeSeconds() + moved,
        step.waitSeconds() - moved,
        step.dataSeconds(),
        step.seconds());
  }

  private RankHeartbeat heartbeat(int rank, List<StepMetrics> steps) {
    String work = "stage " + steps.get(0).stage().label();
    String address = "127.0.0.1:" + (41_000 + rank);
    return new RankHeartbeat(work, WORKERS, rank, Integer.toString(rank), address, now, steps);
  }

  void checkpoint(StageKind kind, long step) {
    String location = "/runs/quickstart/checkpoints/" + kind.label() + "-" + step;
    tab.checkpointPublished(new PublishedCheckpoint(kind.label(), step, location, 38_482_944));
  }

  void end(StageKind kind) {
    tab.stageEnded(result(kind));
  }

  void tell(RunEvent.Kind what, StageKind kind, long step, int rank, double lost, String reason) {
    tab.runEvent(
        new RunEvent(
            what, now.toString(), "stage " + kind.label(), step, WORKERS, rank, lost, reason));
  }

  /** Returns when Spark has told its listeners everything. */
  void await() throws Exception {
    spark.listenerBus().waitUntilEmpty();
  }

  private static StageSettings settings(StageKind kind, long tokens) {
    return new StageSettings(
        kind,
        tokens,
        BATCH,
        0,
        3e-3,
        0.1,
        0.1,
        0.1,
        0.9,
        0.95,
        1e-8,
        1,
        TrainedParts.ALL,
        HiddenTarget.MIXER,
        false);
  }

  private static StageResult result(StageKind kind) {
    return SampleRun.stages().stream()
        .filter(stage -> stage.stage() == kind)
        .findFirst()
        .orElseThrow();
  }

  /** All steps of a sample stage. */
  static int steps(StageKind kind) {
    return (int) (result(kind).tokens() / BATCH);
  }

  @Override
  public void close() {
    spark.stop();
  }
}
