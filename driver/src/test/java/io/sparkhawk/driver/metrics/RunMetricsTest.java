package io.sparkhawk.driver.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class RunMetricsTest {

  private static final Instant NOW = Instant.ofEpochSecond(1_767_323_045);

  private final RunMetrics metrics = new RunMetrics("my-\"student\"", 2, InstantSource.fixed(NOW));
  private final MetricRegistry registry = new MetricRegistry();

  /** The page as Spark's metrics system makes it, which registers sources under such a name. */
  private String page() {
    if (registry.getMetrics().isEmpty()) {
      Gauge<Integer> other = () -> 7;
      registry.register("app-1.driver.jvm.heap", other);
      registry.register("app-1.driver." + metrics.sourceName(), metrics.metricRegistry());
    }
    Properties properties = new Properties();
    properties.setProperty("path", MetricsPage.PATH);
    return new MetricsPage(properties, registry).getMetricsSnapshot();
  }

  private String value(String series) {
    String run = "{run=\"my-\\\"student\\\"\"";
    String name = series.replace("{", run + ",").replace(",}", "}");
    return page()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .map(line -> line.substring(name.length() + 1))
        .findFirst()
        .orElse("none");
  }

  private static StageSettings stage() {
    return new StageSettings(
        StageKind.MATRIX,
        4096,
        1024,
        0,
        3e-3,
        0.1,
        0.1,
        0.1,
        0.9,
        0.95,
        1e-8,
        1,
        TrainedParts.MIXERS,
        HiddenTarget.MIXER,
        false);
  }

  private static StepMetrics step(long step, long skipped) {
    return new StepMetrics(
        StageKind.MATRIX,
        step,
        4,
        step * 1024,
        20.0 - step,
        List.of(),
        0.5,
        1e-3,
        0.5,
        0.25,
        0.125,
        0.0625,
        1.0,
        skipped);
  }

  private static RunEvent event(RunEvent.Kind kind, int rank, double lost) {
    return new RunEvent(kind, NOW.toString(), "stage matrix", 2, 2, rank, lost, "why");
  }

  private void trainThreeSteps() {
    metrics.stageStarted(stage(), 1, 3);
    metrics.trainingStarted("matrix", 0);
    metrics.runEvent(event(RunEvent.Kind.TRAINING, -1, 0));
    for (int k = 1; k <= 3; k++) {
      metrics.step(step(k, k / 2));
      for (int rank = 0; rank < 2; rank++) {
        metrics.rankHeard(
            new RankHeartbeat(
                "stage matrix", 2, rank, "1", "host:1", NOW, List.of(step(k, k / 2))));
      }
    }
  }

  @Test
  void stepsAreCountedAndMeasured() {
    trainThreeSteps();

    assertThat(value("sparkhawk_tokens_total{stage=\"matrix\"}")).isEqualTo("3072.0");
    assertThat(value("sparkhawk_steps_total{stage=\"matrix\"}")).isEqualTo("3.0");
    assertThat(value("sparkhawk_step{stage=\"matrix\"}")).isEqualTo("3.0");
    assertThat(value("sparkhawk_stage_steps{stage=\"matrix\"}")).isEqualTo("4.0");
    assertThat(value("sparkhawk_loss{stage=\"matrix\"}")).isEqualTo("17.0");
    assertThat(value("sparkhawk_skipped_steps_total{stage=\"matrix\"}")).isEqualTo("1.0");
    assertThat(value("sparkhawk_wait_seconds_total{stage=\"matrix\",rank=\"1\"}"))
        .isEqualTo("0.75");
    assertThat(value("sparkhawk_last_heartbeat_timestamp_seconds{rank=\"0\"}"))
        .isEqualTo("1.767323045E9");
    assertThat(value("sparkhawk_workers{}")).isEqualTo("2.0");
    assertThat(value("sparkhawk_training{stage=\"matrix\"}")).isEqualTo("1.0");
  }

  @Test
  void stepsThatARestartMakesAgainCountAgainButTheSkippedOnesOfBeforeDoNot() {
    trainThreeSteps();
    metrics.runEvent(event(RunEvent.Kind.STRAGGLER, 1, 0));
    assertThat(value("sparkhawk_stragglers{}")).isEqualTo("1.0");
    metrics.runEvent(event(RunEvent.Kind.RESTART, -1, 0));
    assertThat(value("sparkhawk_workers{}")).isEqualTo("0.0");
    assertThat(value("sparkhawk_last_heartbeat_timestamp_seconds{rank=\"1\"}")).isEqualTo("none");
    metrics.trainingStarted("matrix", 2);
    metrics.runEvent(event(RunEvent.Kind.TRAINING, -1, 6.5));
    metrics.step(step(3, 1));

    assertThat(value("sparkhawk_step{stage=\"matrix\"}")).isEqualTo("3.0");
    assertThat(value("sparkhawk_steps_total{stage=\"matrix\"}")).isEqualTo("4.0");
    assertThat(value("sparkhawk_skipped_steps_total{stage=\"matrix\"}")).isEqualTo("1.0");
    assertThat(value("sparkhawk_restarts_total{}")).isEqualTo("1.0");
    assertThat(value("sparkhawk_lost_seconds_total{}")).isEqualTo("6.5");
    assertThat(value("sparkhawk_stragglers{}")).isEqualTo("0.0");
  }

  @Test
  void checkpointsAndTheEndOfAStageAreSeen() {
    trainThreeSteps();
    metrics.checkpointPublished(new PublishedCheckpoint("matrix", 3, "runs/x", 123_456));
    metrics.stageEnded(SampleRun.stages().get(0));

    assertThat(value("sparkhawk_checkpoints_total{stage=\"matrix\"}")).isEqualTo("1.0");
    assertThat(value("sparkhawk_checkpoint_bytes{stage=\"matrix\"}")).isEqualTo("123456.0");
    assertThat(value("sparkhawk_training{stage=\"matrix\"}")).isEqualTo("0.0");
    assertThat(value("sparkhawk_held_out_perplexity{model=\"student\"}")).isEqualTo("998.0");
  }

  @Test
  void whatOtherSourcesMeasureFollowsAsSparkWritesIt() {
    assertThat(page())
        .startsWith("# HELP sparkhawk_build_info ")
        .contains("metrics_app_1_driver_jvm_heap_Value{type=\"gauges\"} 7\n")
        .doesNotContain("SparkhawkRun");
  }

  @Test
  void prometheusFindsNothingToImprove() throws Exception {
    trainThreeSteps();
    metrics.checkpointPublished(new PublishedCheckpoint("matrix", 3, "runs/x", 123_456));
    metrics.teacherEvaluated(SampleRun.stages().get(0).before());
    String ours = Promtool.ours(page());

    assertThat(ours.lines().filter(line -> line.startsWith("# TYPE")))
        .hasSize(MetricFamily.values().length);
    assertThat(Promtool.run(Path.of("."), ours, "check", "metrics"))
        .isEqualTo(new Promtool.Verdict(0, ""));
  }

  @Test
  void everyMetricIsOnThePageForPeople() throws Exception {
    String page = Files.readString(Path.of("../docs/monitoring.md"));
    for (MetricFamily family : MetricFamily.values()) {
      String labels = String.join(", ", family.labels().stream().map(l -> "`" + l + "`").toList());
      assertThat(page)
          .contains(
              "| `%s` | %s | %s | %s |"
                  .formatted(family.metric(), family.type().label(), labels, family.help()));
    }
  }
}
