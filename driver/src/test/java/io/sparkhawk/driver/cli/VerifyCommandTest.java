package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.engine.Engine;
import io.sparkhawk.executor.safetensors.SafetensorsFile;
import io.sparkhawk.executor.safetensors.SafetensorsWriter;
import io.sparkhawk.executor.safetensors.StoredTensor;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifyCommandTest {

  private static final Path SAMPLE = Path.of("../executor/src/test/resources/cases/odd-length");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;
  private Path sample;

  @BeforeEach
  void copySample() throws IOException {
    sample = folder.resolve("sample");
    try (Stream<Path> files = Files.walk(SAMPLE)) {
      for (Path file : files.toList()) {
        Files.copy(file, sample.resolve(SAMPLE.relativize(file).toString()));
      }
    }
  }

  private int verify(String... options) {
    List<String> arguments = new ArrayList<>(List.of("verify", sample.toString()));
    arguments.addAll(List.of(options));
    return new CommandLines(
            new RecordingJobs(), Optional.empty(), new PrintWriter(out), new PrintWriter(err))
        .run(arguments.toArray(String[]::new));
  }

  @Test
  void aCaseThatAgreesGivesATableAndExitCodeZero() {
    assertThat(verify("--dtype", "float32")).isZero();
    assertThat(err.toString()).isEmpty();
    assertThat(out.toString())
        .containsPattern("quantity +shape +relative +largest +tolerance")
        .containsPattern("student.matrix.1 +\\(1, 2, 13, 13\\) +\\S+ +\\S+ +1.0e-04 +ok")
        .containsPattern("trajectory.final.lm_head.weight +\\(24, 16\\) +\\S+ +\\S+ +1.0e-03 +ok")
        .doesNotContain("FAILS")
        .containsPattern("(\\d+) of \\1 quantities agree in float32 on cpu, 0 not compared");
  }

  @Test
  void aDamagedLogitFailsInItsRow() {
    damage("expected.safetensors", "student.logits");

    assertThat(verify()).isEqualTo(3);
    assertThat(failedRows()).containsExactly("student.logits");
    assertThat(err.toString()).contains("the first is student.logits");
  }

  @Test
  void aDamagedGradientFailsInItsRow() {
    damage("expected.safetensors", "stage2_block.grad.backbone.layers.1.mlp.fc1.weight");

    assertThat(verify()).isEqualTo(3);
    assertThat(failedRows()).containsExactly("stage2_block.grad.backbone.layers.1.mlp.fc1.weight");
  }

  @Test
  void aDamagedWeightFailsFromTheMixerThatHasItOnwards() {
    damage("student/model.safetensors", "backbone.layers.1.mixer.conv1d.weight");

    assertThat(verify()).isEqualTo(3);
    assertThat(failedRows())
        .contains("student.mixer_out.1", "student.hidden.2", "student.logits", "stage3.loss")
        .doesNotContain("student.mixer_out.0", "student.hidden.1", "teacher.logits");
  }

  @Test
  void aToleranceOfOnesOwnDecidesInsteadOfTheDefault() {
    damage("expected.safetensors", "student.logits");

    assertThat(verify("--tolerance", "10")).isZero();
    assertThat(verify("--tolerance", "0")).isEqualTo(3);
    assertThat(verify("--tolerance", "-1")).isEqualTo(2);
    assertThat(err.toString()).contains("--tolerance is -1.0, expected a number of at least 0");
  }

  @Test
  void aFolderThatIsNotThereIsNamedWithWhatItShouldHold() {
    sample = folder.resolve("nowhere");

    assertThat(verify()).isEqualTo(3);
    assertThat(err.toString())
        .contains("there is no " + sample.resolve("teacher"))
        .contains("teacher/, student/, expected.json and expected.safetensors");
  }

  @Test
  void anUnreadableListOfLossesIsNamed() throws IOException {
    Files.writeString(sample.resolve("expected.json"), "{\"stage1\": [1.0,");

    assertThat(verify()).isEqualTo(3);
    assertThat(err.toString()).contains(sample.resolve("expected.json") + " is not valid JSON");
  }

  @Test
  void missingTokensAreNamed() {
    rewrite("expected.safetensors", "none", "input_ids");

    assertThat(verify()).isEqualTo(3);
    assertThat(err.toString()).contains("has no tensor input_ids");
  }

  @Test
  void missingWeightsAreNamed() {
    rewrite("student/model.safetensors", "none", "backbone.layers.0.mixer.D");

    assertThat(verify()).isEqualTo(3);
    assertThat(err.toString())
        .contains(sample.resolve("student").toString())
        .contains("1 missing: backbone.layers.0.mixer.D");
  }

  @Test
  void anUnknownTypeIsAnsweredWithTheKnownOnes() {
    assertThat(verify("--dtype", "float8")).isEqualTo(2);
    assertThat(err.toString())
        .contains("--dtype is float8", "float32", "float64", "bfloat16")
        .doesNotContain("Exception");
  }

  @Test
  void aGpuThatIsNotThereIsRefused() {
    assumeTrue(Engine.getEngine("PyTorch").getGpuCount() == 0, "this host has a GPU");

    assertThat(verify("--device", "gpu")).isEqualTo(2);
    assertThat(err.toString()).contains("PyTorch finds no GPU on this host");
  }

  /** The names in the list of what differs. */
  private List<String> failedRows() {
    return out.toString()
        .lines()
        .dropWhile(line -> !line.equals("what differs:"))
        .filter(line -> line.endsWith("FAILS"))
        .map(line -> line.substring(0, line.indexOf(' ')))
        .toList();
  }

  private void damage(String file, String tensor) {
    rewrite(file, tensor, "none");
  }

  /** Adds 1 to the middle element of one tensor and leaves another out. */
  private void rewrite(String file, String damaged, String left) {
    List<StoredTensor> tensors = new ArrayList<>();
    try (SafetensorsFile old = SafetensorsFile.open(sample.resolve(file))) {
      for (String name : old.names()) {
        StoredTensor tensor = old.tensor(name);
        ByteBuffer data = ByteBuffer.allocate(tensor.data().remaining());
        data.order(ByteOrder.LITTLE_ENDIAN).put(tensor.data()).flip();
        if (name.equals(damaged)) {
          int middle = data.remaining() / Float.BYTES / 2 * Float.BYTES;
          data.putFloat(middle, data.getFloat(middle) + 1);
        }
        if (!name.equals(left)) {
          tensors.add(StoredTensor.of(name, tensor.type(), tensor.shape(), data));
        }
      }
    }
    SafetensorsWriter.write(sample.resolve(file), Map.of(), tensors);
  }
}
