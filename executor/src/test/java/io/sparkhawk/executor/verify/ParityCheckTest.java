package io.sparkhawk.executor.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import ai.djl.Device;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.safetensors.SafetensorsFile;
import io.sparkhawk.executor.safetensors.SafetensorsWriter;
import io.sparkhawk.executor.safetensors.StoredTensor;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ParityCheckTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path CASES = Path.of("src/test/resources/cases");

  @TempDir private Path folder;

  /** The published cases, and those of other sizes that deploy/reference/make_case.py made. */
  static Stream<Arguments> agreesWithTheReferenceImplementation() throws IOException {
    List<Path> cases = new ArrayList<>();
    for (Path folder : List.of(GOLDEN, CASES)) {
      try (Stream<Path> files = Files.list(folder)) {
        files.filter(Files::isDirectory).sorted().forEach(cases::add);
      }
    }
    return cases.stream()
        .flatMap(folder -> Stream.of(ElementType.values()).map(type -> arguments(folder, type)));
  }

  @ParameterizedTest
  @MethodSource
  void agreesWithTheReferenceImplementation(Path folder, ElementType type) {
    ParityReport report = run(folder, type);

    assertThat(report.comparisons()).hasSizeGreaterThan(50);
    assertThat(report.failures()).isEmpty();
    if (type == ElementType.BFLOAT16) {
      assertThat(report.notCompared()).singleElement().asString().startsWith("trajectory:");
    } else {
      assertThat(report.notCompared()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "student.logits",
        "teacher.attention.1",
        "stage1.grad.backbone.layers.0.mixer.D",
        "stage3.grad.backbone.layers.1.mixer.in_proj.weight",
        "trajectory.final.lm_head.bias"
      })
  void oneWrongElementFailsInItsRowAlone(String tensor) throws IOException {
    Path damaged = copyOfPure();
    rewrite(damaged.resolve("expected.safetensors"), tensor, true);

    ParityReport report = run(damaged);

    assertThat(report.failures()).extracting(Comparison::quantity).containsExactly(tensor);
  }

  @Test
  void oneWrongWeightFailsWhereItIsUsedAndNotInTheTeacher() throws IOException {
    Path damaged = copyOfPure();
    rewrite(
        damaged.resolve("student/model.safetensors"),
        "backbone.layers.1.mixer.out_proj.weight",
        true);

    ParityReport report = run(damaged);

    assertThat(report.failures())
        .extracting(Comparison::quantity)
        .contains("student.mixer_out.1", "student.hidden.2", "student.logits")
        .doesNotContain("student.mixer_out.0", "student.matrix.1", "student.hidden.1")
        .noneMatch(quantity -> quantity.startsWith("teacher."));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "teacher.attention.1",
        "student.logits",
        "stage1.grad.backbone.layers.0.mixer.conv1d.weight",
        "stage3.grad.backbone.layers.0.mixer.in_proj.weight"
      })
  void oneWrongElementFailsInItsRowAloneInBfloat16Too(String tensor) throws IOException {
    Path damaged = copy(CASES.resolve("odd-length"));
    rewrite(damaged.resolve("expected.safetensors"), tensor, true);

    ParityReport report = run(damaged, ElementType.BFLOAT16);

    assertThat(report.failures()).extracting(Comparison::quantity).containsExactly(tensor);
  }

  @Test
  void whatTheStudentDoesNotComputeFails() throws IOException {
    Path renamed = copy(CASES.resolve("odd-length"));
    String known = "stage3.grad.lm_head.bias";
    rename(renamed.resolve("expected.safetensors"), known, "stage3.grad.lm_head.scale");

    ParityReport report = run(renamed, ElementType.FLOAT64);

    assertThat(report.failures())
        .extracting(Comparison::quantity)
        .containsExactly("stage3.grad.lm_head.scale");
    assertThat(report.notCompared()).containsExactly(known + ": not in the case");
  }

  @Test
  void lossesThatAreNoNumbersAreRefused() throws IOException {
    Path broken = copy(CASES.resolve("odd-length"));
    Files.writeString(broken.resolve("expected.json"), "{\"stage1\": [1.5, \"many\"]}");

    assertThatThrownBy(() -> run(broken, ElementType.FLOAT64))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("stage1[1]")
        .hasMessageContaining("many");
  }

  @Test
  void whatACaseLacksIsListedAndTheRestCompared() throws IOException {
    Path partial = copyOfPure();
    Files.writeString(partial.resolve("expected.json"), "{}");
    rewrite(
        partial.resolve("expected.safetensors"),
        name -> !name.startsWith("stage1.") && !name.equals("teacher.logits"),
        "none");

    ParityReport report = run(partial);

    assertThat(report.failures()).isEmpty();
    assertThat(report.notCompared())
        .anyMatch(what -> what.startsWith("teacher.logits:"))
        .anyMatch(what -> what.startsWith("stage1.grad.*:"))
        .anyMatch(what -> what.startsWith("trajectory:"));
  }

  @Test
  void aFolderThatLacksAFileIsRefused() throws IOException {
    Path incomplete = copyOfPure();
    Files.delete(incomplete.resolve("expected.safetensors"));

    assertThatThrownBy(() -> run(incomplete))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("expected.safetensors");
  }

  @Test
  void nothingThatIsNotANumberPasses() {
    Quantity reference = new Quantity("q", new Shape(2), 1, 2);
    Quantity notANumber = new Quantity("q", new Shape(2), 1, Double.NaN);

    assertThat(Comparison.of(notANumber, reference, 1e9).passes()).isFalse();
  }

  @Test
  void noOtherShapePasses() {
    Quantity reference = new Quantity("q", new Shape(2), 1, 2);
    Quantity column = new Quantity("q", new Shape(2, 1), 1, 2);

    assertThat(Comparison.of(column, reference, 1e9).passes()).isFalse();
  }

  private static ParityReport run(Path folder) {
    return run(folder, ElementType.FLOAT64);
  }

  private static ParityReport run(Path folder, ElementType type) {
    return ParityCheck.run(folder, Device.cpu(), type, OptionalDouble.empty());
  }

  private Path copyOfPure() throws IOException {
    return copy(GOLDEN.resolve("pure"));
  }

  private Path copy(Path source) throws IOException {
    Path target = folder.resolve("case");
    try (Stream<Path> files = Files.walk(source)) {
      for (Path file : files.toList()) {
        Files.copy(file, target.resolve(source.relativize(file).toString()));
      }
    }
    return target;
  }

  private static void rewrite(Path file, String damaged, boolean all) {
    rewrite(file, name -> all, damaged);
  }

  private static void rename(Path file, String before, String after) {
    List<StoredTensor> tensors = new ArrayList<>();
    try (SafetensorsFile old = SafetensorsFile.open(file)) {
      for (String name : old.names()) {
        StoredTensor tensor = old.tensor(name);
        ByteBuffer data = ByteBuffer.allocate(tensor.data().remaining());
        data.order(ByteOrder.LITTLE_ENDIAN).put(tensor.data()).flip();
        String kept = name.equals(before) ? after : name;
        tensors.add(StoredTensor.of(kept, tensor.type(), tensor.shape(), data));
      }
    }
    SafetensorsWriter.write(file, Map.of(), tensors);
  }

  /** Keeps some tensors and adds 1 to the middle element of one. */
  private static void rewrite(Path file, Predicate<String> kept, String damaged) {
    List<StoredTensor> tensors = new ArrayList<>();
    try (SafetensorsFile old = SafetensorsFile.open(file)) {
      for (String name : old.names()) {
        if (kept.test(name)) {
          StoredTensor tensor = old.tensor(name);
          ByteBuffer data = ByteBuffer.allocate(tensor.data().remaining());
          data.order(ByteOrder.LITTLE_ENDIAN).put(tensor.data()).flip();
          if (name.equals(damaged)) {
            int middle = data.remaining() / Float.BYTES / 2 * Float.BYTES;
            data.putFloat(middle, data.getFloat(middle) + 1);
          }
          tensors.add(StoredTensor.of(name, tensor.type(), tensor.shape(), data));
        }
      }
    }
    SafetensorsWriter.write(file, Map.of(), tensors);
  }
}
