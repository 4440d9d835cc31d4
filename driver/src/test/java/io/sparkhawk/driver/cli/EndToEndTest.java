package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.driver.metrics.Promtool;
import io.sparkhawk.driver.progress.ComparisonFile;
import io.sparkhawk.driver.progress.EventFiles;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.compare.MatrixPair;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.compare.TextPair;
import io.sparkhawk.executor.logging.LogFormat;
import io.sparkhawk.executor.stage.StageKind;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.logging.log4j.core.LoggerContext;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The commands as a user gives them, with real executor processes, on a slice of the quickstart.
 */
class EndToEndTest {

  private static final Path QUICKSTART = Path.of("../deploy/quickstart").toAbsolutePath();
  private static final int STEPS = 3;
  private static final List<String> SECRETS =
      List.of("hush-store", "hush-application", "hush-environment");

  @TempDir private static Path folder;
  private static Path data;
  private static Path config;

  private final StringWriter err = new StringWriter();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  @BeforeAll
  static void prepare() throws IOException {
    data = folder.resolve("data");
    config =
        Files.writeString(
            folder.resolve("run.yaml"),
            """
            run: alone
            storage: %s
            teacher: %s
            data: %s
            workers: 1
            student: {state-size: 16, chunk-size: 32, attention-blocks: [3]}
            evaluation: {between-stage-tokens: 512, final-tokens: 1024, distance-rows: 2}
            checkpoints: {every-steps: 2}
            stages:
              - {name: matrix, tokens: %4$d, batch-tokens: 256, learning-rate: 3e-3}
              - {name: hidden, tokens: %4$d, batch-tokens: 256, learning-rate: 3e-3}
              - {name: distill, tokens: %4$d, batch-tokens: 256, learning-rate: 1e-3, train: all}
            spark:
              spark.hadoop.fs.s3a.secret.key: hush-store
              spark.authenticate.secret: hush-application
              spark.executorEnv.STORE_PASSWORD: hush-environment
            """
                .formatted(
                    folder.resolve("runs"), QUICKSTART.resolve("teacher"), data, 256 * STEPS));
    EndToEndTest test = new EndToEndTest();
    int exitCode =
        test.run(
            "prepare",
            "--input",
            QUICKSTART.resolve("corpus/valid-python-doc.jsonl.gz").toString(),
            "--validation",
            QUICKSTART.resolve("corpus/valid-postgresql-doc.jsonl.gz").toString(),
            "--teacher",
            QUICKSTART.resolve("teacher").toString(),
            "--output",
            data.toString(),
            "--seq-len",
            "64");
    assertThat(exitCode).as(test.err.toString()).isZero();
  }

  private int run(String... arguments) {
    PrintStream console = new PrintStream(out, true, StandardCharsets.UTF_8);
    return new CommandLines(
            new ClusterJobs(console, console),
            Optional.empty(),
            new PrintWriter(out, true, StandardCharsets.UTF_8),
            new PrintWriter(err, true))
        .run(arguments);
  }

  private void distill(String run, int workers, String... options) {
    List<String> line = new ArrayList<>(List.of("distill", "--config", config.toString()));
    line.addAll(List.of("--set", "run=" + run, "--workers", String.valueOf(workers)));
    line.addAll(List.of(options));
    int exitCode = run(line.toArray(String[]::new));
    assertThat(exitCode).as(err.toString()).isZero();
  }

  /** Standard error of this process while it logs JSON; afterwards it logs as before. */
  private static String loggedAsJson(Runnable command) {
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    PrintStream before = System.err;
    System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
    try {
      command.run();
    } finally {
      System.setErr(before);
      LogFormat.TEXT.use("test");
      LoggerContext.getContext(false).reconfigure();
    }
    return log.toString(StandardCharsets.UTF_8);
  }

  private static void theDriversLogSaysWhereTheRunIs(String log) throws IOException {
    List<String> places = new ArrayList<>();
    for (String text : log.lines().toList()) {
      assertThat(text).startsWith("{");
      JsonNode line = new ObjectMapper().readTree(text);
      assertThat(line.get("run").asText()).as(text).isEqualTo("two");
      assertThat(line.get("process").asText()).isEqualTo("driver");
      places.add("%s %s %s".formatted(line.get("stage"), line.get("step"), line.get("message")));
    }
    assertThat(places)
        .anyMatch(line -> line.matches("\"matrix\" 3 \"matrix: 3/3, .*"))
        .anyMatch(line -> line.matches("\"distill\" [23] \"checkpoint distill, step 2: .*"));
  }

  private static void theExecutorsLogsSayWhereTheRunIs(List<String> logs) throws IOException {
    List<String> places = new ArrayList<>();
    for (String text : logs) {
      for (String line : text.lines().filter(l -> l.startsWith("{\"time\"")).toList()) {
        JsonNode json = new ObjectMapper().readTree(line);
        places.add(
            "%s %s %s %s %s"
                .formatted(
                    json.get("run").asText(),
                    json.get("stage").asText(),
                    json.get("step"),
                    json.get("rank"),
                    json.get("message").asText()));
      }
    }
    for (int rank = 0; rank < 2; rank++) {
      assertThat(places)
          .contains(
              "two matrix null %1$d Rank %1$d of 2 begins stage matrix".formatted(rank),
              "two hidden 0 %d Training goes on from step 0".formatted(rank));
    }
  }

  private static void prometheusSeesTheRun(String page) throws Exception {
    assertThat(page)
        .contains("sparkhawk_tokens_total{run=\"four\",stage=\"matrix\"} 768.0")
        .contains("sparkhawk_steps_total{run=\"four\",stage=\"hidden\"} 3.0")
        .contains("sparkhawk_checkpoints_total{run=\"four\",stage=\"hidden\"} 2.0")
        .contains("sparkhawk_workers_wanted{run=\"four\"} 4.0");
    for (int rank = 0; rank < 4; rank++) {
      assertThat(page)
          .containsPattern(
              "sparkhawk_step_seconds_total\\{run=\"four\",stage=\"hidden\",rank=\"%d\"} [0-9]"
                  .formatted(rank));
    }
    if (Promtool.isThere()) {
      assertThat(Promtool.run(folder, Promtool.ours(page), "check", "metrics"))
          .isEqualTo(new Promtool.Verdict(0, ""));
    }
  }

  private static List<Double> losses(String run) throws IOException {
    List<Double> losses = new ArrayList<>();
    for (StepMetrics step : MetricsLog.read(files(), path(run, MetricsLog.FILE_NAME))) {
      losses.add(step.loss());
    }
    return losses;
  }

  private static FileSystem files() throws IOException {
    return FileSystem.getLocal(new Configuration());
  }

  private static org.apache.hadoop.fs.Path path(String run, String file) {
    return new org.apache.hadoop.fs.Path(
        folder.resolve("runs").resolve(run).toUri().getPath(), file);
  }

  @Test
  void anyNumberOfWorkersGivesTheSameLossCurveAndACompleteRun() throws Exception {
    distill("alone", 1);
    try (SecretWatch watch = SecretWatch.start()) {
      String log = loggedAsJson(() -> distill("two", 2, "--log-format", "json"));
      watch.assertNowhere(SECRETS, folder, config);
      assertThat(log).doesNotContain(SECRETS);
      theDriversLogSaysWhereTheRunIs(log);
      theExecutorsLogsSayWhereTheRunIs(watch.executorLogs());
    }
    try (PageWatch watch = PageWatch.start()) {
      distill("four", 4);
      prometheusSeesTheRun(watch.newestPage());
    }
    assertThat(err.toString() + out).doesNotContain(SECRETS);

    List<Double> alone = losses("alone");
    assertThat(alone).hasSize(3 * STEPS);
    for (String run : List.of("two", "four")) {
      List<Double> losses = losses(run);
      assertThat(losses).hasSize(alone.size());
      for (int i = 0; i < alone.size(); i++) {
        assertThat(losses.get(i)).as(run).isCloseTo(alone.get(i), within(1e-4 * alone.get(i)));
      }
    }
    RunSummary summary = RunSummary.read(files(), path("two", RunSummary.FILE_NAME));
    assertThat(summary.stages())
        .extracting(RunSummary.Stage::name)
        .containsExactly(StageKind.values());
    assertThat(summary.teacherPerplexity()).isLessThan(summary.studentPerplexity());
    assertThat(folder.resolve("runs/two/report.html")).isNotEmptyFile();
    assertThat(folder.resolve("runs/two/student/tokenizer.json")).isNotEmptyFile();
    studentHasACard(summary);
    tensorBoardShowsTheSameLosses("two");
    teacherAndStudentAreShownSideBySide("two");

    runIsGivenBack("two");
    finishedRunIsNotTrainedAgain();
    studentIsMeasuredAsAtTheEndOfItsRun(summary);
    theRunsFolderTellsItsWholeTime();
    reportIsMadeAnewFromTheRunsFolder();
    teacherAndStudentAreComparedAnew();
  }

  @Test
  void secondSupervisorOfARunIsRefused() throws IOException {
    String now = Instant.now().toString();
    Files.writeString(
        Files.createDirectories(folder.resolve("runs/held/supervisor"))
            .resolve("lease-0000000007.json"),
        """
        {"supervisor": {"id": "a", "host": "node-1", "processId": 4711, "startedAt": "%1$s",
         "processSpace": "elsewhere"}, "since": "%1$s", "renewed": "%1$s", "termSeconds": 600,
         "released": false}
        """
            .formatted(now));

    int exitCode = run("distill", "--config", config.toString(), "--set", "run=held");

    assertThat(exitCode).isEqualTo(4);
    assertThat(err.toString()).contains("held by process 4711 on node-1 since " + now);
    assertThat(folder.resolve("runs/held/checkpoints")).doesNotExist();
  }

  private static void theRunsFolderTellsItsWholeTime() throws IOException {
    List<RunEvent> events = MetricsLog.readEvents(files(), path("two", MetricsLog.FILE_NAME));

    assertThat(events.get(0).event()).isEqualTo(RunEvent.Kind.SESSION);
    for (StageKind stage : StageKind.values()) {
      assertThat(events)
          .filteredOn(event -> event.work().equals("stage " + stage.label()))
          .extracting(RunEvent::event, RunEvent::step, RunEvent::workers)
          .containsExactly(
              tuple(RunEvent.Kind.TRAINING, 0L, 2),
              tuple(RunEvent.Kind.CHECKPOINT, 2L, 2),
              tuple(RunEvent.Kind.CHECKPOINT, 3L, 2),
              tuple(RunEvent.Kind.ENDED, -1L, 2));
    }
  }

  private void reportIsMadeAnewFromTheRunsFolder() throws IOException {
    Path report = folder.resolve("runs/two/report.html");
    byte[] before = Files.readAllBytes(report);
    Files.delete(report);

    assertThat(run("report", folder.resolve("runs/two").toString())).as(err.toString()).isZero();
    assertThat(report).hasBinaryContent(before);

    Path page = folder.resolve("compare.html");
    int exitCode =
        run(
            "report",
            folder.resolve("runs/alone").toString(),
            folder.resolve("runs/two").toString(),
            "--out",
            page.toString());
    assertThat(exitCode).as(err.toString()).isZero();
    assertThat(page).content().contains(">alone</span>", ">two</span>");
  }

  private void teacherAndStudentAreComparedAnew() throws IOException {
    int exitCode =
        run(
            "report",
            folder.resolve("runs/two").toString(),
            "--measure",
            "--blocks",
            "0,2",
            "--heads",
            "1",
            "--text",
            "A transaction is a unit of work.",
            "--prompt",
            "To sort a list",
            "--max-tokens",
            "4");

    assertThat(exitCode).as(err.toString()).isZero();
    ModelComparison comparison =
        ComparisonFile.read(
                files(), new org.apache.hadoop.fs.Path(folder.resolve("runs/two").toUri()))
            .orElseThrow();
    assertThat(comparison.matrices())
        .extracting(MatrixPair::block, MatrixPair::head)
        .containsExactly(tuple(0, 1), tuple(2, 1));
    assertThat(String.join("", comparison.tokens())).isEqualTo("A transaction is a unit of work.");
    assertThat(comparison.continuations())
        .extracting(TextPair::prompt)
        .containsExactly("To sort a list");
    assertThat(folder.resolve("runs/two/report.html"))
        .content()
        .contains("block 2, head 1", comparison.matrices().get(0).student());
  }

  private static void studentHasACard(RunSummary summary) throws IOException {
    String card = Files.readString(folder.resolve("runs/two/student/README.md"));
    CheckpointManifest end =
        CheckpointStore.open(new Configuration(), folder.resolve("runs/two").toString())
            .requireCompleted(StageKind.DISTILL.label());

    assertThat(card)
        .startsWith("---\nlibrary_name: sparkhawk\n")
        .contains("value: " + summary.studentPerplexity())
        .contains(end.hashes().teacher(), end.hashes().data());
    assertThat(card.lines().filter(line -> line.contains("| 768 | 3 |"))).hasSize(3);
  }

  /** Block 3 keeps attention; of the others the first, the middle and the last are shown. */
  private static void teacherAndStudentAreShownSideBySide(String run) throws IOException {
    ModelComparison comparison =
        ComparisonFile.read(files(), path(run, ComparisonFile.FILE_NAME).getParent()).orElseThrow();
    assertThat(comparison.tokens()).hasSize(64);
    assertThat(comparison.matrices())
        .extracting(MatrixPair::block)
        .containsExactly(0, 0, 2, 2, 5, 5);
    assertThat(comparison.matrices())
        .extracting(MatrixPair::head)
        .containsExactly(0, 3, 0, 3, 0, 3);
    assertThat(comparison.matrices())
        .allSatisfy(pair -> assertThat(pair.distance()).isBetween(0.1, 64.0));
    assertThat(comparison.continuations()).hasSize(3);
    assertThat(folder.resolve("runs").resolve(run).resolve(ComparisonFile.FILE_NAME))
        .content()
        .hasSizeLessThan(200_000);
  }

  private static void tensorBoardShowsTheSameLosses(String run) throws IOException {
    List<Float> shown = new ArrayList<>();
    for (StageKind stage : StageKind.values()) {
      Path events = folder.resolve("runs").resolve(run).resolve("tensorboard/" + stage.label());
      shown.addAll(EventFiles.scalars(events, "loss").values());
    }
    assertThat(shown)
        .containsExactlyElementsOf(losses(run).stream().map(Double::floatValue).toList());
  }

  private static void runIsGivenBack(String run) throws IOException {
    try (Stream<Path> entries = Files.list(folder.resolve("runs").resolve(run + "/supervisor"))) {
      Path newest = entries.sorted().reduce((a, b) -> b).orElseThrow();
      assertThat(newest).content().contains("\"released\" : true");
    }
  }

  private void finishedRunIsNotTrainedAgain() throws IOException {
    byte[] before = Files.readAllBytes(folder.resolve("runs/two/metrics.jsonl"));
    byte[] comparison = Files.readAllBytes(folder.resolve("runs/two/comparison.json"));
    out.reset();
    distill("two", 2);

    assertThat(out.toString(StandardCharsets.UTF_8)).contains("distill was finished before");
    assertThat(Files.readAllBytes(folder.resolve("runs/two/metrics.jsonl"))).isEqualTo(before);
    assertThat(Files.readAllBytes(folder.resolve("runs/two/comparison.json")))
        .isEqualTo(comparison);
  }

  private void studentIsMeasuredAsAtTheEndOfItsRun(RunSummary summary) {
    out.reset();
    int exitCode =
        run(
            "evaluate",
            "--model",
            folder.resolve("runs/two/student").toString(),
            "--data",
            data.toString(),
            "--tokens",
            "1024",
            "--workers",
            "1");

    assertThat(exitCode).as(err.toString()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("%.4f".formatted(summary.studentPerplexity()));
  }
}
