package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.retrain.Comparison;
import io.sparkhawk.testing.S3Server;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.launcher.JavaModuleOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Rounds of retraining with the program's own work, on a few documents of the quickstart. */
@Timeout(600)
class RetrainEndToEndTest {

  private static final Path QUICKSTART = Path.of("../deploy/quickstart").toAbsolutePath();
  private static final int KILLED = 137;
  private static final int REFUSED = 4;
  private static final long LONGEST_SECONDS = 300;
  private static final int DOCUMENTS = 4;

  @TempDir private Path folder;

  private final StringWriter err = new StringWriter();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final Configuration hadoop = new Configuration();
  private String storage;
  private Path yaml;

  /**
   * @param place URI of the folder that everything but the teacher is in
   */
  private void configure(String place, String teacher) throws IOException {
    storage = place;
    write("held-out.jsonl", lines("valid-postgresql-doc", 0));
    yaml =
        Files.writeString(
            folder.resolve("retrain.yaml"),
            """
            name: tiny
            storage: %1$s/models
            teacher: %2$s
            corpus: ["%1$s/corpus"]
            held-out: ["%1$s/held-out.jsonl"]
            gates: {perplexity-percent: 100}
            prepare: {seq-len: 64, shard-bytes: 20000}
            training:
              workers: 1
              student: {state-size: 16, chunk-size: 32, attention-blocks: [3]}
              evaluation: {between-stage-tokens: 512, final-tokens: 1024, distance-rows: 1}
              stages:
                - {name: distill, tokens: 512, batch-tokens: 256, learning-rate: 1e-4, train: all}
            """
                .formatted(place, teacher));
  }

  private void write(String name, List<String> content) throws IOException {
    org.apache.hadoop.fs.Path file = new org.apache.hadoop.fs.Path(storage + "/" + name);
    try (OutputStream out = file.getFileSystem(hadoop).create(file, true)) {
      out.write((String.join("\n", content) + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private static List<String> lines(String file, int part) throws IOException {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(
                    Files.newInputStream(QUICKSTART.resolve("corpus/" + file + ".jsonl.gz"))),
                StandardCharsets.UTF_8))) {
      return reader.lines().skip((long) part * DOCUMENTS).limit(DOCUMENTS).toList();
    }
  }

  private void arrive(String date, int part) throws IOException {
    write("corpus/dt=" + date + "/part.jsonl", lines("valid-python-doc", part));
  }

  private String run(String... arguments) {
    out.reset();
    PrintStream console = new PrintStream(out, true, StandardCharsets.UTF_8);
    int exitCode =
        new CommandLines(
                new ClusterJobs(console, console),
                Optional.empty(),
                new PrintWriter(out, true, StandardCharsets.UTF_8),
                new PrintWriter(err, true))
            .run(arguments);
    assertThat(exitCode).as(err.toString()).isZero();
    return out.toString(StandardCharsets.UTF_8);
  }

  private String retrain(String... more) {
    List<String> arguments = new ArrayList<>(List.of("retrain", "--config", yaml.toString()));
    arguments.addAll(List.of(more));
    return run(arguments.toArray(String[]::new));
  }

  private String registry(String command) {
    return run("registry", command, "--config", yaml.toString());
  }

  /** Retrains and dies when the models have been measured. */
  public static void main(String[] arguments) {
    ConsoleProgress console = ConsoleProgress.forThisProcess(System.out);
    RetrainingProgress dying =
        new RetrainingProgress(console) {
          @Override
          public void measured(Comparison comparison) {
            Runtime.getRuntime().halt(KILLED);
          }
        };
    RetrainConfig config = RetrainConfig.read(arguments[0], List.of());
    System.exit(ClusterJobs.retraining(config, console, dying).run().size());
  }

  private Process start(Path log, Class<?> main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  private static int exitCode(Process process) throws InterruptedException {
    try {
      assertThat(process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS)).as("ended").isTrue();
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }

  private void retrainAndDieBeforePromotion() throws Exception {
    Path log = folder.resolve("killed.log");
    Process process = start(log, RetrainEndToEndTest.class, yaml.toString());
    assertThat(exitCode(process)).as(Files.readString(log)).isEqualTo(KILLED);
  }

  /** Two processes of the program at the same moment, as by two schedulers. */
  private void retrainTwiceAtOnce() throws Exception {
    Path log = folder.resolve("trigger-1.log");
    Path otherLog = folder.resolve("trigger-2.log");
    Process trigger = start(log, Main.class, "retrain", "--config", yaml.toString());
    Process other = start(otherLog, Main.class, "retrain", "--config", yaml.toString());
    List<Integer> exitCodes = List.of(exitCode(trigger), exitCode(other));
    String said = Files.readString(log) + Files.readString(otherLog);
    assertThat(exitCodes).as(said).containsExactlyInAnyOrder(0, REFUSED);
    assertThat(said).containsOnlyOnce("Promoted as version 1.").contains("is held by");
  }

  @Test
  void roundsOnAGrowingCorpusSurviveTwoTriggersAtOnceAFailingGateAndAKill() throws Exception {
    configure(folder.toString(), QUICKSTART.resolve("teacher").toString());
    arrive("2026-11-01", 0);
    retrainTwiceAtOnce();
    assertThat(registry("list")).hasLineCount(1);
    assertThat(retrain()).contains("Nothing is new since round 2026-11-01-");
    double firstEnd = summary("2026-11-01").at("/comparison/candidate/perplexity").asDouble();

    arrive("2026-11-02", 1);
    assertThat(retrain("--set", "gates.min-tokens=1M"))
        .contains("Not promoted: tokens trained on: 512, must be at least 1,000,000.");
    JsonNode refused = summary("2026-11-02");
    assertThat(refused.at("/comparison/production/0/perplexity").asDouble()).isEqualTo(firstEnd);
    assertThat(refused.at("/data/replay_shards").asInt()).isPositive();
    assertThat(registry("list")).hasLineCount(1).contains("(in production)");

    arrive("2026-11-03", 2);
    retrainAndDieBeforePromotion();
    assertThat(registry("list")).hasLineCount(1);
    assertThat(retrain()).contains("goes on").contains("Promoted as version 2.");
    assertThat(retrain()).contains("Nothing is new since round 2026-11-03-");
    assertThat(registry("list")).hasLineCount(2);
    JsonNode version = new ObjectMapper().readTree(registry("show"));
    assertThat(version.at("/lineage/rounds")).hasToString("[2,3]");
    assertThat(version.at("/lineage/warm_start").asText()).contains("2026-11-01-");

    assertThat(registry("rollback")).contains("the model of version 1");
    assertThat(registry("list")).hasLineCount(3).contains("rollback to version 1");
  }

  @Test
  void everythingOnS3IsRetrainedFromAStageOfProductionsRunAndRolledBack() throws Exception {
    try (S3Server server = S3Server.start()) {
      server.bucket("retrained");
      // As spark-submit and the launcher hand such settings over.
      server.hadoopSettings().forEach((k, v) -> System.setProperty("spark.hadoop." + k, v));
      try {
        server.hadoopSettings().forEach(hadoop::set);
        hadoop.set("fs.s3a.input.stream.type", "classic");
        String teacher = "s3a://retrained/teacher";
        org.apache.hadoop.fs.Path target = new org.apache.hadoop.fs.Path(teacher);
        target
            .getFileSystem(hadoop)
            .copyFromLocalFile(
                new org.apache.hadoop.fs.Path(QUICKSTART.resolve("teacher").toUri()), target);
        configure("s3a://retrained", teacher);
        retrainOnS3(server);
      } finally {
        server.hadoopSettings().keySet().forEach(k -> System.clearProperty("spark.hadoop." + k));
      }
    }
  }

  private void retrainOnS3(S3Server server) throws IOException {
    String cache = "training.local-cache=" + folder.resolve("cache");
    String stages =
        "first-stages=[{name: hidden, tokens: 256, batch-tokens: 256, learning-rate: 1e-3},"
            + " {name: distill, tokens: 256, batch-tokens: 256, learning-rate: 1e-3, train: all}]";
    arrive("2026-11-01", 0);
    assertThat(retrain("--set", cache, "--set", stages)).contains("Promoted as version 1.");

    arrive("2026-11-02", 1);
    assertThat(retrain("--set", cache, "--set", stages, "--set", "warm-start=hidden"))
        .contains("starting from hidden@s3a://retrained/models/tiny/2026-11-01-")
        .contains("Promoted as version 2.");

    assertThat(registry("list")).hasLineCount(2);
    JsonNode second = new ObjectMapper().readTree(registry("show"));
    assertThat(second.at("/model").asText()).startsWith("s3a://retrained/models/tiny/2026-11-02-");
    assertThat(second.at("/lineage/configuration").asText()).doesNotContain(server.secretKey());
    assertThat(registry("rollback")).contains("the model of version 1, s3a://retrained/models");
    assertThat(registry("list")).hasLineCount(3).contains("rollback to version 1");

    assertThat(retrain()).contains("Nothing is new since round 2026-11-02-");
    assertThat(server.object("retrained/models/tiny/last-start.json"))
        .content()
        .contains("Nothing is new since round 2026-11-02-", "\"production_version\" : 3");
  }

  private JsonNode summary(String window) throws IOException {
    try (Stream<Path> rounds = Files.list(folder.resolve("models/tiny"))) {
      Path round =
          rounds
              .filter(path -> path.getFileName().toString().startsWith(window))
              .findFirst()
              .orElseThrow();
      assertThat(round.resolve("summary.html")).isNotEmptyFile();
      return new ObjectMapper().readTree(round.resolve("summary.json").toFile());
    }
  }
}
