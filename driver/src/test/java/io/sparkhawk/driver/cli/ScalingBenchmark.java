package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareJob;
import io.sparkhawk.data.prepare.PrepareReport;
import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.launch.ClusterSession;
import io.sparkhawk.driver.launch.StageLauncher;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageTrainer;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.train.TrainingListener;
import io.sparkhawk.executor.train.TrainingPlan;
import io.sparkhawk.executor.worker.TcpRingOpener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;

/**
 * The same training with several numbers of executor processes on this machine: the same global
 * batches of the same samples. Shows for each how far its losses are from those of one process, and
 * what a worker sent beside what the ring is to send. Started by {@code deploy/benchmark/run
 * scaling}.
 */
final class ScalingBenchmark {

  private static final int STEPS = 4;
  private static final int ROW = 64;

  /** Sequences of a step: every number of workers up to this one that divides it can share them. */
  private static final int SEQUENCES = 8;

  private final Path quickstart;
  private final Path folder;

  /**
   * One training.
   *
   * @param losses of the steps
   * @param parameters that are trained
   * @param sentBytes of a worker, in the mean, for each update
   * @param secondsPerStep mean time of a step
   */
  record Result(
      int workers,
      boolean sharded,
      List<Double> losses,
      long parameters,
      double sentBytes,
      double secondsPerStep) {

    /**
     * What each worker sends in an update: each of the two halves of an all-reduce of float32
     * gradients, or a reduce-scatter of them and an all-gather of the weights, takes every share
     * but one past it (Patarasuk and Yuan 2009, section 3).
     */
    double predictedBytes() {
      return 2.0 * (workers - 1) / workers * Float.BYTES * parameters;
    }

    /** The largest difference of a step's loss from the other training's, relative to that. */
    double difference(Result other) {
      return IntStream.range(0, losses.size())
          .mapToDouble(k -> Math.abs(losses.get(k) / other.losses.get(k) - 1))
          .max()
          .orElseThrow();
    }
  }

  /**
   * Prepares a data set.
   *
   * @param quickstart where teacher and corpus of the quickstart are
   * @param folder an empty one
   */
  ScalingBenchmark(Path quickstart, Path folder) {
    this.quickstart = quickstart.toAbsolutePath();
    this.folder = folder;
    SparkSession spark =
        SparkSession.builder()
            .master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate();
    try {
      PrepareReport unused =
          PrepareJob.run(
              spark,
              ConfigReader.ofYaml("scaling", preparation()).read(PrepareSettings.class),
              progress -> {});
    } finally {
      spark.stop();
    }
  }

  private String preparation() {
    return """
        input: [%1$s/corpus/valid-python-doc.jsonl.gz]
        validation: [%1$s/corpus/valid-postgresql-doc.jsonl.gz]
        teacher: %1$s/teacher
        output: %2$s/data
        seq-len: %3$d
        """
        .formatted(quickstart, folder, ROW);
  }

  /**
   * Trains with so many executor processes.
   *
   * @param sharded one training for each: whether each worker updates a share of the weights alone
   */
  List<Result> measure(int workers, List<Boolean> sharded) {
    try (ClusterSession session =
        ClusterSession.start("scaling", Plans.cluster(config(workers, false)))) {
      return sharded.stream().map(is -> train(session, config(workers, is), is)).toList();
    }
  }

  private static Result train(ClusterSession session, RunConfig config, boolean sharded) {
    TrainingPlan plan = Plans.training(config);
    List<StepMetrics> steps = new ArrayList<>();
    StageResult result =
        new StageLauncher(session, new TcpRingOpener(), Plans.timeouts(config.timeouts()))
            .run("stage distill", plan, StageTrainer::train, new Steps(steps));
    long parameters =
        CheckpointStore.open(new Configuration(), plan.runFolder())
            .requireCompleted("distill")
            .buffers()
            .get("parameters")
            .elements();
    return new Result(
        config.workers(),
        sharded,
        steps.stream().map(StepMetrics::loss).toList(),
        parameters,
        (double) result.sentBytes() / STEPS,
        result.seconds() / STEPS);
  }

  /** Keeps the steps, and nothing else. */
  private record Steps(List<StepMetrics> heard) implements TrainingListener {

    @Override
    public void step(StepMetrics metrics) {
      heard.add(metrics);
    }

    @Override
    public void checkpointPublished(PublishedCheckpoint checkpoint) {}
  }

  private RunConfig config(int workers, boolean sharded) {
    String yaml =
        """
        run: %1$s-of-%2$d
        storage: %3$s
        teacher: %4$s/teacher
        data: %3$s/data
        workers: %2$d
        worker-memory: 512m
        threads-per-worker: 1
        shard-optimizer: %5$s
        student: {state-size: 16, chunk-size: 32, attention-blocks: [3]}
        evaluation: {between-stage-tokens: 512, distance-rows: 1}
        stages:
          - {name: distill, tokens: %6$d, batch-tokens: %7$d, learning-rate: 1e-3, train: all}
        spark: {spark.executor.extraJavaOptions: -XX:TieredStopAtLevel=1}
        """
            .formatted(
                sharded ? "sharded" : "whole",
                workers,
                folder,
                quickstart,
                sharded,
                (long) STEPS * SEQUENCES * ROW,
                SEQUENCES * ROW);
    return ConfigReader.ofYaml("scaling", yaml).read(RunConfig.class, RunConfig::check);
  }

  /** Takes the folder of the quickstart, and the numbers of workers. */
  public static void main(String[] arguments) throws IOException {
    Path folder = Files.createTempDirectory("scaling-");
    try {
      ScalingBenchmark benchmark = new ScalingBenchmark(Path.of(arguments[0]), folder);
      Result alone = benchmark.measure(1, List.of(false)).get(0);
      System.out.printf(
          "%,d parameters, %d steps of %d sequences of %d tokens; losses of one process %s%n",
          alone.parameters(), STEPS, SEQUENCES, ROW, alone.losses());
      System.out.println(
          "workers  optimizer  loss, largest difference  sent per update  as the ring predicts"
              + "  more by  s/step");
      for (int workers : Arrays.stream(arguments).skip(1).mapToInt(Integer::parseInt).toArray()) {
        benchmark.measure(workers, List.of(false, true)).forEach(result -> print(result, alone));
      }
    } finally {
      delete(folder);
    }
  }

  private static void print(Result result, Result alone) {
    System.out.printf(
        Locale.ROOT,
        "%7d  %-9s  %24.1e  %,15.0f  %,20.0f  %6.3f%%  %6.2f%n",
        result.workers(),
        result.sharded() ? "sharded" : "whole",
        result.difference(alone),
        result.sentBytes(),
        result.predictedBytes(),
        100 * (result.sentBytes() / result.predictedBytes() - 1),
        result.secondsPerStep());
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(ScalingBenchmark::deleteFile);
    }
  }

  private static void deleteFile(Path file) {
    try {
      Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
