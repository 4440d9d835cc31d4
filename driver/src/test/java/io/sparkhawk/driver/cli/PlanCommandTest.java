package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlanCommandTest {

  private static final Path EXAMPLE = Path.of("../deploy/examples/phi-1.5.yaml");
  private static final String TEACHER = "teacher=../deploy/examples/phi-1_5";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;

  private int plan(String... options) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("plan", "--config", EXAMPLE.toString(), "--set", TEACHER));
    arguments.addAll(Arrays.asList(options));
    return new CommandLines(
            new RecordingJobs(), Optional.empty(), new PrintWriter(out), new PrintWriter(err))
        .run(arguments.toArray(String[]::new));
  }

  @Test
  void pageShowsThePlanOfThePapersRunAsItIsPrinted() throws IOException {
    assertThat(plan("--price-per-gpu-hour", "2.5")).as(err.toString()).isZero();
    assertThat(Files.readString(Path.of("../docs/planning.md")))
        .as("docs/planning.md is stale; it has the command whose output belongs there")
        .contains("```\n" + out + "```\n");
  }

  @Test
  void allWrongValuesAreToldAtOnce() {
    int exitCode =
        plan(
            "--gpu", "h999",
            "--utilisation", "1.5",
            "--price-per-gpu-hour", "cheap",
            "--gpus", "0",
            "--set", "stages[0].learning-rate=-1");
    assertThat(exitCode).isEqualTo(2);
    assertThat(err.toString())
        .contains("--gpu: h999: expected one of h100")
        .contains("--utilisation: 1.5: expected a number above 0 and at most 1")
        .contains("--price-per-gpu-hour: cheap")
        .contains("workers", "--gpus")
        .contains("stages[0].learning-rate");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void numberOfGpusMustShareEveryBatch() {
    assertThat(plan("--gpus", "3")).isEqualTo(2);
    assertThat(err.toString()).contains("stages[0].batch-tokens", "stages[2].batch-tokens");
  }

  @Test
  void sequencesMustFitTheTeacher() {
    assertThat(plan("--seq-len", "4096")).isEqualTo(2);
    assertThat(err.toString()).contains("4096", "takes at most 2048");
  }

  @Test
  void otherElementTypesAreRefused() {
    assertThat(plan("--set", "element-type=float32")).isEqualTo(2);
    assertThat(err.toString()).contains("element-type: float32");
  }

  @Test
  void missingTeacherIsNamed() {
    assertThat(plan("--set", "teacher=" + folder)).isEqualTo(3);
    assertThat(err.toString()).contains("config.json", folder.toString());
  }

  @Test
  void fileHasAllFigures() throws IOException {
    Path json = folder.resolve("plan.json");
    assertThat(plan("--gpus", "16", "--stages", "distill", "--json", json.toString()))
        .as(err.toString())
        .isZero();
    JsonNode plan = new ObjectMapper().readTree(json.toFile());
    assertThat(names(plan))
        .containsExactly(
            "run",
            "gpu",
            "gpus",
            "element_type",
            "sequence_length",
            "length_from",
            "teacher_parameters",
            "student_parameters",
            "stages",
            "hours",
            "price",
            "student_bytes",
            "storage_bytes");
    assertThat(plan.path("price").isNull()).isTrue();
    assertThat(plan.path("stages")).hasSize(1);
    JsonNode stage = plan.path("stages").path(0);
    assertThat(names(stage))
        .containsExactly(
            "stage",
            "trained_parameters",
            "frozen_parameters",
            "tokens",
            "steps",
            "batch_tokens",
            "sequences_per_gpu",
            "micro_batch",
            "memory",
            "flops_per_token",
            "speed",
            "hours",
            "price",
            "exchange",
            "checkpoints",
            "scaling");
    assertThat(names(stage.path("memory")))
        .containsExactly("parts", "total", "available", "fits", "advice");
    assertThat(stage.path("exchange").path("seconds").fieldNames())
        .toIterable()
        .containsExactly("NVLink", "400G", "25G");
    assertThat(stage.path("scaling")).hasSize(4 + 2 * 6);
    long parts = 0;
    for (JsonNode part : stage.path("memory").path("parts")) {
      parts += part.asLong();
    }
    assertThat(parts).isEqualTo(stage.path("memory").path("total").asLong());
  }

  private static List<String> names(JsonNode object) {
    List<String> names = new ArrayList<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }

  @Test
  void nothingOfLibtorchIsLoaded() throws IOException, InterruptedException {
    Path cache = Files.createDirectory(folder.resolve("cache"));
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xlog:library=info:file=" + folder.resolve("libraries"),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "plan",
                "--config",
                EXAMPLE.toString(),
                "--set",
                TEACHER)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("out").toFile());
    builder.environment().put("DJL_CACHE_DIR", cache.toString());
    builder.environment().put("ENGINE_CACHE_DIR", cache.toString());
    Process process = builder.start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("the plan ended within 60 s").isTrue();
    assertThat(process.exitValue()).as(Files.readString(folder.resolve("out"))).isZero();
    try (Stream<Path> extracted = Files.list(cache)) {
      assertThat(extracted).as("what DJL extracts before it loads libtorch").isEmpty();
    }
    assertThat(Files.readString(folder.resolve("libraries"))).doesNotContain("torch");
  }
}
