package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.GenerateSettings;
import io.sparkhawk.driver.config.ReferencePage;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.executor.logging.LogFormat;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StageSettings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.logging.log4j.core.LoggerContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLinesTest {

  private static final Path HOME = Path.of("../deploy").toAbsolutePath().normalize();

  private final RecordingJobs jobs = new RecordingJobs();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;
  private Path config;

  @BeforeEach
  void writeConfig() throws IOException {
    config =
        Files.writeString(
            folder.resolve("run.yaml"),
            """
            run: first
            teacher: teacher
            data: data
            stages:
              - {name: matrix, tokens: 60K, batch-tokens: 1024, learning-rate: 3e-3}
              - {name: distill, tokens: 320K, batch-tokens: 1024, learning-rate: 1e-3, train: all}
            """);
  }

  private int run(String... arguments) {
    return run(Optional.of(HOME), arguments);
  }

  private int run(Optional<Path> home, String... arguments) {
    return new CommandLines(jobs, home, new PrintWriter(out), new PrintWriter(err)).run(arguments);
  }

  private RunConfig distilled() {
    return (RunConfig) jobs.asked.get(jobs.asked.size() - 1);
  }

  @Test
  void distillReadsTheFileAndTheOptionsThatReplaceItsSettings() {
    int exitCode =
        run(
            "distill",
            "--config",
            config.toString(),
            "--workers",
            "4",
            "--set",
            "stages[0].learning-rate=1e-4",
            "--set",
            "storage=elsewhere");
    assertThat(err.toString()).isEmpty();
    assertThat(exitCode).isZero();
    assertThat(distilled().workers()).isEqualTo(4);
    assertThat(distilled().storage()).isEqualTo("elsewhere");
    assertThat(distilled().stages())
        .extracting(StageSettings::learningRate)
        .containsExactly(1e-4, 1e-3);
  }

  @Test
  void distillTrainsOnlyTheStagesThatAreAskedFor() {
    assertThat(run("distill", "--config", config.toString(), "--stages", "distill")).isZero();
    assertThat(distilled().stages())
        .extracting(StageSettings::name)
        .containsExactly(StageKind.DISTILL);
    assertThat(distilled().tokens()).isEqualTo(320_000);
  }

  @Test
  void retrainReadsItsFileAndGivesUpARoundWhenAsked() throws IOException {
    Path retrain =
        Files.writeString(
            folder.resolve("retrain.yaml"),
            """
            name: tiny
            storage: models
            teacher: phi
            corpus: [corpus]
            held-out: [valid.jsonl]
            training:
              stages:
                - {name: distill, tokens: 320K, batch-tokens: 1024, learning-rate: 1e-3}
            """);

    assertThat(run("retrain", "--config", retrain.toString(), "--set", "replay-share=0.5"))
        .as(err.toString())
        .isZero();
    assertThat(run("retrain", "--config", retrain.toString(), "--abandon")).isZero();

    RetrainConfig asked = (RetrainConfig) jobs.asked.get(0);
    assertThat(asked.replayShare()).isEqualTo(0.5);
    assertThat(asked.folder()).isEqualTo("models/tiny");
    assertThat(asked.gates().perplexityPercent()).isEqualTo(1);
    assertThat(jobs.prompts).containsExactly("abandon");
  }

  @Test
  void everyMistakeOfARetrainingIsReported() throws IOException {
    Path retrain =
        Files.writeString(
            folder.resolve("retrain.yaml"),
            """
            name: a/b
            storage: models
            teacher: phi
            corpus: []
            held-out: [valid.jsonl]
            training:
              workers: 3
              stages:
                - {name: distill, tokens: 320K, batch-tokens: 1024, learning-rate: 1e-3}
            """);

    assertThat(run("retrain", "--config", retrain.toString())).isEqualTo(2);

    assertThat(err.toString())
        .contains("3 problems", "name: 'a/b'", "corpus: []", "batch-tokens: 1024: not a multiple");
    assertThat(jobs.asked).isEmpty();
  }

  @Test
  void everyMistakeInTheConfigurationIsReportedBeforeAnythingStarts() {
    int exitCode =
        run(
            "distill",
            "--config",
            config.toString(),
            "--workers",
            "two",
            "--set",
            "stages[1].tokens=0");
    assertThat(exitCode).isEqualTo(2);
    assertThat(err.toString())
        .contains(
            config + " has 2 problems",
            "workers (--workers): 'two' is not allowed; allowed is a whole number, from 1 to 65536.",
            "stages[1].tokens (--set stages[1].tokens=0): '0' is not allowed");
    assertThat(jobs.asked).isEmpty();
  }

  @Test
  void prepareTakesEverySettingAsAnOption() {
    int exitCode =
        run(
            "prepare",
            "--input",
            "a/*.jsonl",
            "--input",
            "b.txt",
            "--teacher",
            "t",
            "--output",
            "o",
            "--seq-len",
            "512");
    assertThat(err.toString()).isEmpty();
    assertThat(exitCode).isZero();
    PrepareSettings settings = (PrepareSettings) jobs.asked.get(0);
    assertThat(settings.input()).containsExactly("a/*.jsonl", "b.txt");
    assertThat(settings.validation()).isEmpty();
    assertThat(settings.output()).isEqualTo("o");
    assertThat(settings.seqLen()).isEqualTo(512);
    assertThat(settings.tokenizer()).isEmpty();
    assertThat(settings.endOfText()).isEqualTo("<|endoftext|>");
  }

  @Test
  void optionsOfPrepareReplaceThoseOfItsFile() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("prepare.yaml"), "input: [a]\noutput: o\nteacher: t\nseq-len: 64\n");
    assertThat(run("prepare", "--config", file.toString(), "--seq-len", "32")).isZero();
    PrepareSettings settings = (PrepareSettings) jobs.asked.get(0);
    assertThat(settings.input()).containsExactly("a");
    assertThat(settings.seqLen()).isEqualTo(32);
  }

  @Test
  void missingOptionsOfPrepareAreAllNamed() {
    assertThat(run("prepare", "--seq-len", "1")).isEqualTo(2);
    assertThat(err.toString())
        .contains(
            "prepare has 3 problems", "input: missing", "output: missing", "seq-len (--seq-len)");
  }

  @Test
  void evaluateTakesEverySettingAsAnOption() {
    assertThat(run("evaluate", "--model", "m", "--data", "d", "--tokens", "20K")).isZero();
    EvaluateSettings settings = (EvaluateSettings) jobs.asked.get(0);
    assertThat(settings.model()).isEqualTo("m");
    assertThat(settings.tokens()).isEqualTo(20_000);
    assertThat(settings.workers()).isEqualTo(2);
  }

  @Test
  void generateTakesEverySettingAsAnOptionAndThePromptAsItIs() {
    String prompt = "{ \"a: [1,";
    assertThat(run("generate", "--model", "m", "--prompt", prompt, "--seed", "7", "--top-p", "0.5"))
        .isZero();
    assertThat(jobs.prompts).containsExactly(prompt);
    GenerateSettings settings = (GenerateSettings) jobs.asked.get(0);
    assertThat(settings.seed()).contains(7L);
    assertThat(settings.topP()).isEqualTo(0.5);
    assertThat(settings.temperature()).isEqualTo(0.8);
    assertThat(settings.maxTokens()).isEqualTo(200);
  }

  @Test
  void thePromptMayBeTheContentOfAFile() throws IOException {
    Path file = Files.writeString(folder.resolve("prompt.txt"), "né\n");
    assertThat(run("generate", "--model", "m", "--prompt-file", file.toString())).isZero();
    assertThat(jobs.prompts).containsExactly("né\n");
  }

  @Test
  void aPromptFileThatIsMissingOrNotUtf8IsNamed() throws IOException {
    Path file = folder.resolve("prompt.txt");
    assertThat(run("generate", "--model", "m", "--prompt-file", file.toString())).isEqualTo(3);
    assertThat(err.toString()).contains(file.toString(), "cannot be read");
    Files.write(file, new byte[] {(byte) 0xE9, 'a'});
    assertThat(run("generate", "--model", "m", "--prompt-file", file.toString())).isEqualTo(3);
    assertThat(err.toString()).contains("not in UTF-8");
    assertThat(jobs.asked).isEmpty();
  }

  @Test
  void generateNamesEverySettingThatIsNotAllowed() {
    assertThat(run("generate", "--prompt", "p", "--top-p", "1.5", "--temperature", "-1"))
        .isEqualTo(2);
    assertThat(err.toString())
        .contains("generate has 3 problems", "model: missing", "(--top-p)", "(--temperature)");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"generate --model m", "generate --model m --prompt a --prompt-file prompt.txt"})
  void generateNeedsOnePromptAndOnlyOne(String line) {
    assertThat(run(line.split(" "))).isEqualTo(2);
    assertThat(err.toString()).contains("--prompt", "--help'");
    assertThat(jobs.asked).isEmpty();
  }

  @Test
  void evaluateTakesSeveralTaskFilesAfterOneOption() {
    assertThat(run("evaluate", "--tasks", "a.jsonl", "b.jsonl", "--model", "m", "--compare", "s"))
        .isZero();
    EvaluateSettings settings = (EvaluateSettings) jobs.asked.get(0);
    assertThat(settings.tasks()).containsExactly("a.jsonl", "b.jsonl");
    assertThat(settings.models()).containsExactly("m", "s");
    assertThat(settings.data()).isEmpty();
  }

  @Test
  void evaluateWithoutAnythingToMeasureIsRefused() {
    assertThat(run("evaluate", "--model", "m")).isEqualTo(2);
    assertThat(err.toString()).contains("nothing to measure", "--data", "--tasks");
    assertThat(jobs.asked).isEmpty();
  }

  @Test
  void quickstartPreparesItsCorpusAndTrainsAllStages() {
    assertThat(run("quickstart", "--out", folder.toString(), "--workers", "1")).isZero();
    assertThat(jobs.asked).hasSize(2);
    PrepareSettings prepared = (PrepareSettings) jobs.asked.get(0);
    assertThat(Stream.concat(prepared.input().stream(), prepared.validation().stream()))
        .hasSize(4)
        .allSatisfy(file -> assertThat(Path.of(file)).isRegularFile());
    assertThat(prepared.seqLen()).isEqualTo(256);
    assertThat(distilled().data()).isEqualTo(prepared.output());
    assertThat(Path.of(distilled().teacher(), "model.safetensors")).isRegularFile();
    assertThat(distilled().runFolder()).isEqualTo(folder.resolve("quickstart").toString());
    assertThat(distilled().workers()).isEqualTo(1);
    assertThat(distilled().stages())
        .extracting(StageSettings::tokens)
        .containsExactly(63_000L, 160_000L, 320_000L);
  }

  @Test
  void quickstartWithFewerStagesIsARunOfItsOwnWithTheSameTokensInAll() {
    assertThat(run("quickstart", "--out", folder.toString(), "--stages", "distill")).isZero();
    assertThat(distilled().run()).isEqualTo("quickstart-distill");
    assertThat(distilled().tokens()).isEqualTo(543_000);
  }

  @Test
  void quickstartOutsideOfADistributionSaysHowToStartIt() {
    assertThat(run(Optional.empty(), "quickstart")).isEqualTo(2);
    assertThat(err.toString()).contains("start it with bin/sparkhawk");
  }

  @Test
  void referencePrintsThePage() {
    assertThat(run("reference")).isZero();
    assertThat(out.toString()).isEqualTo(ReferencePage.render());
  }

  static Stream<SparkhawkException> failures() {
    return Stream.of(
        new ConfigurationException("the setting is wrong"),
        new DataException("the shard is corrupt"),
        new InfrastructureException("the worker was lost"),
        new UnknownStateException("the reply was lost"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void aFailureIsItsMessageAndItsExitCode(SparkhawkException failure) {
    jobs.failure = failure;
    assertThat(run("evaluate", "--model", "m", "--data", "d")).isEqualTo(failure.exitCode());
    assertThat(err.toString().lines()).containsExactly("sparkhawk: " + failure.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"--stacktrace", "evaluate"})
  void theStackTraceIsPrintedWhenAskedForBeforeOrAfterTheCommand(String first) {
    jobs.failure = new DataException("the shard is corrupt", new IOException("short read"));
    int exitCode =
        first.equals("evaluate")
            ? run("evaluate", "--model", "m", "--data", "d", "--stacktrace")
            : run("--stacktrace", "evaluate", "--model", "m", "--data", "d");
    assertThat(exitCode).isEqualTo(3);
    assertThat(err.toString())
        .contains("\tat io.sparkhawk.driver.cli.", "Caused by: java.io.IOException: short read");
  }

  @Test
  void anUnforeseenFailureSaysHowToSeeMore() {
    for (Throwable failure :
        new Throwable[] {new IllegalStateException("oops"), new OutOfMemoryError("heap")}) {
      jobs.failure = failure;
      assertThat(run("evaluate", "--model", "m", "--data", "d")).isEqualTo(5);
      assertThat(err.toString())
          .contains(failure.getMessage(), "--stacktrace")
          .doesNotContain("\tat ");
    }
  }

  static Stream<Throwable> allKindsOfFailure() {
    return Stream.concat(
        failures(),
        Stream.of(
            new IllegalStateException("the step is unknown"),
            new OutOfMemoryError("Java heap space"),
            new UncheckedIOException(new IOException("No space left on device"))));
  }

  @ParameterizedTest
  @MethodSource("allKindsOfFailure")
  void theFirstLineOfAnyFailureIsItsReason(Throwable failure) {
    for (String option : List.of("--verbose", "--stacktrace")) {
      err.getBuffer().setLength(0);
      jobs.failure = failure;
      run("evaluate", "--model", "m", "--data", "d", option);
      assertThat(err.toString().lines().findFirst())
          .hasValueSatisfying(
              line -> assertThat(line).startsWith("sparkhawk: ").contains(failure.getMessage()));
    }
  }

  @Test
  void aLogForProgramsHasTheFailureAsOneOfItsLines() throws IOException {
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    PrintStream before = System.err;
    System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
    try {
      jobs.failure = new DataException("the shard is corrupt");
      assertThat(run("evaluate", "--model", "m", "--data", "d", "--log-format", "json"))
          .isEqualTo(3);
    } finally {
      System.setErr(before);
      LogFormat.TEXT.use("test");
      LoggerContext.getContext(false).reconfigure();
    }
    JsonNode line = new ObjectMapper().readTree(log.toString(StandardCharsets.UTF_8));
    assertThat(line.get("message").asText()).isEqualTo("the shard is corrupt");
    assertThat(line.get("level").asText()).isEqualTo("ERROR");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void theFirstLineOfAWrongFileIsItsReason() {
    run("distill", "--config", "missing.yaml");
    assertThat(err.toString().lines().findFirst().orElseThrow())
        .startsWith("sparkhawk: ")
        .contains("missing.yaml");
  }

  @ParameterizedTest
  @ValueSource(strings = {"distil", "", "--frobnicate", "quickstart --stages all", "distill"})
  void aWrongCommandLineIsRefusedWithTheWayToItsHelp(String line) {
    assertThat(run(line.isEmpty() ? new String[0] : line.split(" "))).isEqualTo(2);
    assertThat(err.toString()).startsWith("sparkhawk: ").contains("--help'");
    assertThat(jobs.asked).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "quickstart",
        "prepare",
        "distill",
        "evaluate",
        "generate",
        "retrain",
        "registry",
        "reference"
      })
  void everyCommandHasHelpWithExamples(String command) {
    assertThat(run(command, "--help")).isZero();
    assertThat(out.toString()).contains("Usage: sparkhawk " + command, "Example", "--stacktrace");
    assertThat(jobs.asked).isEmpty();
  }

  @Test
  void helpNamesDefaultsAndLimits() {
    assertThat(run("prepare", "--help")).isZero();
    assertThat(out.toString().replaceAll("\\s+", " "))
        .contains("--seq-len", "from 2 to 1048576. Default: 2048.", "Must be given.");
  }

  @Test
  void theTopsHelpListsTheCommandsAndExitCodes() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString())
        .contains("quickstart", "prepare", "distill", "evaluate", "generate", "Exit codes");
  }

  @Test
  void theVersionIsPrinted() {
    assertThat(run("--version")).isZero();
    assertThat(out.toString()).startsWith("sparkhawk ");
  }
}
