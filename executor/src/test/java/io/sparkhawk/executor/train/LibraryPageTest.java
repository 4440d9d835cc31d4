package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.executor.stage.StageKind;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs of README.md and docs/library.md do what they say, letter by letter. */
class LibraryPageTest {

  private static final Path PAGE = Path.of("../docs/library.md");
  private static final Path README = Path.of("../README.md");
  private static final Path TEACHER = Path.of("src/test/resources/golden/pure/teacher");
  private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  @TempDir private Path folder;

  @BeforeEach
  void writeWhatTheProgramsFind() throws IOException {
    FileUtils.copyDirectory(TEACHER.toFile(), folder.resolve("teacher").toFile());
    TinyDataSet.write(folder.resolve("data"), 200, 10, 1);
  }

  private static String program(Path page, String name) throws IOException {
    Matcher blocks = BLOCK.matcher(Files.readString(page));
    while (blocks.find()) {
      if (blocks.group(1).contains("class " + name + " ")) {
        return blocks.group(1);
      }
    }
    throw new AssertionError(page + " has no program " + name);
  }

  /** Runs a program as the page says, without the jars of Spark and Scala. */
  private String run(Path page, String name) throws IOException, InterruptedException {
    Path source = Files.writeString(folder.resolve(name + ".java"), program(page, name));
    Path out = folder.resolve(name + ".out");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "-cp",
                classPathWithoutSpark(),
                source.getFileName().toString())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    try {
      assertThat(process.waitFor(300, TimeUnit.SECONDS)).as(name + " ended in 300 s").isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as(Files.readString(out)).isZero();
    return Files.readString(out);
  }

  private static String classPathWithoutSpark() {
    String[] entries = System.getProperty("java.class.path").split(File.pathSeparator);
    return Arrays.stream(entries)
        .map(entry -> Path.of(entry).toAbsolutePath())
        .filter(entry -> !entry.getFileName().toString().matches("(spark|scala)-.*\\.jar"))
        .map(Path::toString)
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static double perplexity(String output, String model) {
    Matcher line = Pattern.compile(model + " ([0-9.]+)").matcher(output);
    assertThat(line.find()).as(output).isTrue();
    return Double.parseDouble(line.group(1));
  }

  @Test
  void readmeAndPageHaveTheSameProgram() throws IOException {
    assertThat(program(PAGE, "Distil")).isEqualTo(program(README, "Distil"));
  }

  @Test
  void programDistilsAndItsStudentPredicts() throws IOException, InterruptedException {
    String first = run(README, "Distil");
    double untrained = 96; // random tokens of so many kinds: nothing can be predicted
    assertThat(perplexity(first, "teacher")).isGreaterThan(untrained * 0.9);
    assertThat(perplexity(first, "student")).isGreaterThan(untrained * 0.9);
    assertThat(first).contains("mine/student");
    assertThat(folder.resolve("mine/student/model.safetensors")).isNotEmptyFile();
    assertThat(folder.resolve("mine/checkpoints")).isDirectoryContaining("glob:**/distill-16");

    assertThat(run(PAGE, "Predict")).contains("logits (1, 24, 96)");
  }

  @Test
  void finishedDistillationStartedAgainHasTheSameResult() {
    LocalDistillation.Result first = distillation().run();
    LocalDistillation.Result again = distillation().run();

    assertThat(first.stages()).hasSize(2);
    assertThat(again).isEqualTo(first);
  }

  @Test
  void stagesBringTheStudentNearerToItsTeacher() {
    LocalDistillation.Result result = distillation().run();

    assertThat(result.stages())
        .allSatisfy(stage -> assertThat(stage.lastLoss()).isLessThan(stage.firstLoss()));
  }

  private LocalDistillation distillation() {
    return LocalDistillation.of(
            folder.resolve("teacher"), folder.resolve("data"), folder.resolve("twice"))
        .stage(StageKind.MATRIX, 24 * 40, 96, 3e-3)
        .stage(StageKind.DISTILL, 24 * 40, 96, 3e-3)
        .seed(7)
        .threads(1);
  }
}
