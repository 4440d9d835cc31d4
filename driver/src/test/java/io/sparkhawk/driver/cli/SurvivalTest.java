package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkContext;
import org.apache.spark.launcher.JavaModuleOptions;
import org.apache.spark.resource.ResourceProfile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs whose executor processes are killed and stopped. What they come to is compared with a run
 * that nothing happened to.
 */
@Timeout(300)
class SurvivalTest {

  private static final Path QUICKSTART = Path.of("../deploy/quickstart").toAbsolutePath();
  private static final int STEPS = 32;

  @TempDir private static Path folder;
  private static Path config;

  private final StringWriter err = new StringWriter();
  private final Console console = new Console();

  @BeforeAll
  static void trainUndisturbed() throws IOException {
    config =
        Files.writeString(
            folder.resolve("run.yaml"),
            """
            run: tiny
            teacher: %s
            data: %s
            workers: 2
            threads-per-worker: 1
            student: {state-size: 16, chunk-size: 32, attention-blocks: [3]}
            evaluation: {between-stage-tokens: 512, final-tokens: 512, distance-rows: 2}
            checkpoints: {every-steps: 4}
            stages:
              - {name: distill, tokens: %d, batch-tokens: 256, learning-rate: 2e-4, train: all}
            spark:
              spark.executor.extraJavaOptions: -XX:TieredStopAtLevel=1  # short lives
            """
                .formatted(QUICKSTART.resolve("teacher"), folder.resolve("data"), 256 * STEPS));
    SurvivalTest test = new SurvivalTest();
    int prepared =
        test.run(
            "prepare",
            "--input",
            QUICKSTART.resolve("corpus/valid-python-doc.jsonl.gz").toString(),
            "--validation",
            QUICKSTART.resolve("corpus/valid-postgresql-doc.jsonl.gz").toString(),
            "--teacher",
            QUICKSTART.resolve("teacher").toString(),
            "--output",
            folder.resolve("data").toString(),
            "--seq-len",
            "64");
    assertThat(prepared).as(test.err.toString()).isZero();
    test.distill("undisturbed");
  }

  @Test
  void runWhoseExecutorsAreKilledTwiceInARowEndsInTheSameBits() throws IOException {
    console.when("checkpoint distill, step 4", () -> signal("-KILL"));
    console.when("Training goes on from step", () -> signal("-KILL"));
    distill("killed");

    assertSameStudent("killed");
    assertThat(losses("killed")).isEqualTo(losses("undisturbed"));
    RunSummary summary = summary("killed");
    assertThat(summary.restarts()).isEqualTo(2);
    assertThat(summary.lostSeconds()).isPositive();
    assertThat(console.toString(StandardCharsets.UTF_8))
        .contains("its process was killed (signal 9")
        .contains("Training starts again from the newest checkpoint (restart 1 of 5).")
        .containsPattern(
            "Training goes on from step \\d+ of stage distill with 2 workers; [0-9.]+ s were lost");
    assertThat(storage("killed").resolve("tiny/report.html")).content().contains("2 restarts");
  }

  @Test
  void runWhoseExecutorHangsGoesOnWithAnotherInItsPlace() throws IOException {
    console.when("checkpoint distill, step 4", () -> signal("-STOP"));
    distill("stopped", "timeouts.heartbeat=4s");

    assertSameStudent("stopped");
    assertThat(summary("stopped").restarts()).isPositive();
    assertThat(console.toString(StandardCharsets.UTF_8))
        .contains("has not been heard of for 4 s in stage distill");
  }

  @Test
  void runWhoseDriverIsKilledDuringASaveAndStartedAgainEndsInTheSameBits() throws Exception {
    Process driver = startDriver("restarted");
    try {
      awaitUnpublishedCheckpoint(driver, storage("restarted").resolve("tiny/checkpoints"));
    } finally {
      driver.destroyForcibly();
    }
    assertThat(driver.waitFor()).isEqualTo(128 + 9);
    assertThat(run("inspect", storage("restarted").toString(), "--verify"))
        .as(err.toString())
        .isZero();

    distill("restarted");
    assertSameStudent("restarted");
    assertThat(losses("restarted")).isEqualTo(losses("undisturbed"));
  }

  @Test
  void runGoesOnWithFewerWorkersAndGrowsAgain() throws IOException {
    console.when("checkpoint distill, step 4", () -> signal("-KILL"));
    // The executor that is started in the lost one's place cannot be there that soon,
    // but is there before the next checkpoint is looked at.
    console.when("with 1 worker", SurvivalTest::awaitSecondExecutor);
    distill("smaller", "supervision.min-workers=1", "supervision.executor-wait=1ms");

    assertThat(summary("smaller").events())
        .filteredOn(event -> event.event() == RunEvent.Kind.TRAINING)
        .extracting(RunEvent::workers)
        .containsExactly(2, 1, 2);
    List<Double> undisturbed = losses("undisturbed");
    List<Double> losses = losses("smaller");
    assertThat(losses).hasSameSizeAs(undisturbed);
    for (int i = 0; i < losses.size(); i++) {
      assertThat(losses.get(i)).isCloseTo(undisturbed.get(i), within(1e-4 * undisturbed.get(i)));
    }
  }

  private void distill(String run, String... settings) {
    List<String> arguments =
        Stream.concat(
                Stream.of(
                    "distill", "--config", config.toString(), "--set", "storage=" + storage(run)),
                Stream.of(settings).flatMap(setting -> Stream.of("--set", setting)))
            .toList();
    int exitCode = run(arguments.toArray(String[]::new));
    assertThat(exitCode).as("%s%n%s", err, console).isZero();
  }

  /** Starts the same command as {@link #distill} in a process of its own. */
  private static Process startDriver(String run) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of("distill", "--config", config.toString()));
    command.addAll(List.of("--set", "storage=" + storage(run)));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve(run + ".log").toFile())
        .start();
  }

  /** Returns when a second checkpoint is being written: there are parts, but no manifest. */
  private static void awaitUnpublishedCheckpoint(Process driver, Path checkpoints)
      throws IOException, InterruptedException {
    Instant limit = Instant.now().plusSeconds(120);
    while (!(Files.exists(checkpoints.resolve("distill-4/manifest.json"))
        && Files.exists(checkpoints.resolve("distill-8"))
        && Files.notExists(checkpoints.resolve("distill-8/manifest.json")))) {
      assertThat(Instant.now()).as("save of step 8 in %s", checkpoints).isBefore(limit);
      assertThat(driver.waitFor(1, TimeUnit.MILLISECONDS)).as("driver has ended").isFalse();
    }
  }

  private int run(String... arguments) {
    PrintStream out = new PrintStream(console, true, StandardCharsets.UTF_8);
    return new CommandLines(
            new ClusterJobs(out, out),
            Optional.empty(),
            new PrintWriter(out, true, StandardCharsets.UTF_8),
            new PrintWriter(err, true))
        .run(arguments);
  }

  private static Path storage(String run) {
    return folder.resolve(run);
  }

  private static void assertSameStudent(String run) {
    assertThat(storage(run).resolve("tiny/student/model.safetensors"))
        .hasSameBinaryContentAs(storage("undisturbed").resolve("tiny/student/model.safetensors"));
  }

  private static RunSummary summary(String run) throws IOException {
    return RunSummary.read(files(), path(run, RunSummary.FILE_NAME));
  }

  private static List<Double> losses(String run) throws IOException {
    return MetricsLog.read(files(), path(run, MetricsLog.FILE_NAME)).stream()
        .map(StepMetrics::loss)
        .toList();
  }

  private static FileSystem files() throws IOException {
    return FileSystem.getLocal(new Configuration());
  }

  private static org.apache.hadoop.fs.Path path(String run, String file) {
    return new org.apache.hadoop.fs.Path(storage(run).resolve("tiny").toUri().getPath(), file);
  }

  private static void awaitSecondExecutor() {
    SparkContext spark = SparkContext.getOrCreate();
    ResourceProfile one = spark.resourceProfileManager().defaultResourceProfile();
    Instant limit = Instant.now().plusSeconds(120);
    while (spark.maxNumConcurrentTasks(one) < 2) {
      assertThat(Instant.now()).as("executor in place of the lost one").isBefore(limit);
      Thread.onSpinWait();
    }
  }

  /** To this process's oldest executor; rank 0 may run in any. */
  private static void signal(String name) {
    ProcessHandle executor =
        ProcessHandle.current()
            .children()
            .filter(child -> child.info().command().orElse("").endsWith("java"))
            .min(Comparator.comparing(child -> child.info().startInstant().orElseThrow()))
            .orElseThrow();
    try {
      new ProcessBuilder("kill", name, Long.toString(executor.pid())).start().waitFor();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What a run prints; does something, each once and in order, when it prints certain words. */
  private static final class Console extends ByteArrayOutputStream {

    private record Action(String words, Runnable action) {}

    private final Deque<Action> actions = new ArrayDeque<>();
    private int seen;

    void when(String words, Runnable action) {
      actions.add(new Action(words, action));
    }

    @Override
    public synchronized void flush() {
      String fresh = toString(StandardCharsets.UTF_8).substring(seen);
      Action next = actions.peek();
      if (next != null && fresh.contains(next.words())) {
        seen += fresh.length();
        actions.remove().action().run();
      }
    }
  }
}
