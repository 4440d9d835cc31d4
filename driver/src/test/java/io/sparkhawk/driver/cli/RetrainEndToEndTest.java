package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.retrain.Comparison;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
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
import org.apache.spark.launcher.JavaModuleOptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Rounds of retraining with the program's own work, on a few documents of the quickstart. */
@Timeout(600)
class RetrainEndToEndTest {

  private static final Path QUICKSTART = Path.of("../deploy/quickstart").toAbsolutePath();
  private static final int KILLED = 137;
  private static final int DOCUMENTS = 4;

  @TempDir private Path folder;

  private final StringWriter err = new StringWriter();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private Path yaml;

  @BeforeEach
  void writeConfiguration() throws IOException {
    Files.write(folder.resolve("held-out.jsonl"), lines("valid-postgresql-doc", 0));
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
                .formatted(folder, QUICKSTART.resolve("teacher")));
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
    Path partition = Files.createDirectories(folder.resolve("corpus/dt=" + date));
    Files.write(partition.resolve("part.jsonl"), lines("valid-python-doc", part));
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
    RetrainConfig config = RetrainConfig.read(Path.of(arguments[0]), List.of());
    System.exit(ClusterJobs.retraining(config, console, dying).run().size());
  }

  private void retrainAndDieBeforePromotion() throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            RetrainEndToEndTest.class.getName(),
            yaml.toString()));
    Path log = folder.resolve("killed.log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      assertThat(process.waitFor(300, TimeUnit.SECONDS)).as("ended").isTrue();
      assertThat(process.exitValue()).as(Files.readString(log)).isEqualTo(KILLED);
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void threeRoundsOnAGrowingCorpusPromoteRefuseAndSurviveAKill() throws Exception {
    arrive("2026-11-01", 0);
    assertThat(retrain()).contains("Promoted as version 1.");
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
