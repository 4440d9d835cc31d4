package io.sparkhawk.driver.metrics;

import com.codahale.metrics.MetricRegistry;
import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.driver.progress.TensorBoardLog;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;

/**
 * What it costs the driver to tell of a step, beside what the quickstart's step takes. Started by
 * {@code deploy/benchmark/run overhead}.
 */
final class OverheadBenchmark {

  private static final int STEPS = 2000;

  /** The quickstart on two cores: 532 steps in 281 s of training. */
  private static final double STEP_SECONDS = 281.0 / 532;

  /** A scrape every 15 s. */
  private static final int STEPS_PER_SCRAPE = (int) (15 / STEP_SECONDS);

  private OverheadBenchmark() {}

  /** Prints the medians over {@value #STEPS} steps. */
  public static void main(String[] arguments) throws IOException {
    Path folder = Files.createTempDirectory("sparkhawk-overhead-");
    try {
      measure(folder);
    } finally {
      FileUtils.deleteDirectory(folder.toFile());
    }
  }

  private static void measure(Path folder) throws IOException {
    FileSystem files = FileSystem.getLocal(new Configuration());
    RunMetrics metrics = new RunMetrics("quickstart", 2, InstantSource.system());
    MetricRegistry registry = new MetricRegistry();
    registry.register("app.driver." + metrics.sourceName(), metrics.metricRegistry());
    Properties properties = new Properties();
    properties.setProperty("path", MetricsPage.PATH);
    MetricsPage page = new MetricsPage(properties, registry);
    List<StepMetrics> steps = SampleRun.steps(StageKind.MATRIX, STEPS, 22.6, 6.9, 3e-3, 60);
    double[] tellings = new double[STEPS];
    double[] scrapes = new double[STEPS / STEPS_PER_SCRAPE];
    try (MetricsLog lines = MetricsLog.open(files, in(folder, "metrics.jsonl"));
        TensorBoardLog events =
            TensorBoardLog.in(files, in(folder, "tensorboard"), InstantSource.system())) {
      events.start("matrix", 0);
      for (int k = 0; k < STEPS; k++) {
        StepMetrics step = steps.get(k);
        tellings[k] = seconds(() -> tell(step, lines, events, metrics));
        if (k < scrapes.length) {
          scrapes[k] = seconds(() -> scrape(page));
        }
      }
    }
    double perStep = median(tellings) + median(scrapes) / STEPS_PER_SCRAPE;
    System.out.printf(
        Locale.ROOT,
        "telling of a step: %.0f us, %.3f %% of the quickstart's; a scrape: %.0f us%n",
        1e6 * perStep,
        100 * perStep / STEP_SECONDS,
        1e6 * median(scrapes));
  }

  private static void tell(
      StepMetrics step, MetricsLog lines, TensorBoardLog events, RunMetrics metrics) {
    lines.append(step);
    events.append(step);
    metrics.step(step);
    for (int rank = 0; rank < 2; rank++) {
      metrics.rankHeard(
          new RankHeartbeat("stage matrix", 2, rank, "1", "host:1", Instant.now(), List.of(step)));
    }
  }

  private static void scrape(MetricsPage page) {
    if (!page.getMetricsSnapshot().contains("sparkhawk_loss")) {
      throw new IllegalStateException("the page lacks the loss");
    }
  }

  private static double seconds(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1e9;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static org.apache.hadoop.fs.Path in(Path folder, String file) {
    return new org.apache.hadoop.fs.Path(folder.resolve(file).toUri());
  }
}
