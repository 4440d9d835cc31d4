package io.sparkhawk.executor.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.testing.Fuzz;
import io.sparkhawk.testing.Mutations;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Weights that were damaged, or made to do harm. */
@Timeout(120)
class SafetensorsFuzzTest {

  @TempDir private Path folder;

  @Test
  void damagedFileIsTakenOrRefusedInASentence() throws IOException {
    byte[] whole = file();
    Path file = folder.resolve("model.safetensors");
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(DataException.class, file.toString())
            .within(2 << 20, 100)
            .run(
                3000,
                random -> mutated(random, whole),
                content -> {
                  Files.write(file, content);
                  try (SafetensorsFile weights = SafetensorsFile.open(file)) {
                    for (String name : weights.names()) {
                      assertThat(weights.tensor(name).data().remaining())
                          .isLessThanOrEqualTo(content.length);
                    }
                  }
                });
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }

  private static byte[] file() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    SafetensorsWriter.write(
        bytes,
        Map.of("format", "pt"),
        List.of(
            tensor("embedding.weight", StoredType.BF16, 4, 3),
            tensor("norm.weight", StoredType.F32, 3),
            tensor("scalar", StoredType.I64),
            tensor("none", StoredType.F32, 0, 7)));
    return bytes.toByteArray();
  }

  private static StoredTensor tensor(String name, StoredType type, long... shape) {
    long elements = 1;
    for (long size : shape) {
      elements *= size;
    }
    return StoredTensor.of(name, type, shape, ByteBuffer.allocate((int) elements * type.bytes()));
  }

  /** The bytes as they are, or another header of a right or a wrong length. */
  private static byte[] mutated(Random random, byte[] whole) {
    if (random.nextInt(3) == 0) {
      return Mutations.ofBytes(random, whole);
    }
    int length = (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
    String header = new String(whole, Long.BYTES, length, StandardCharsets.UTF_8).strip();
    byte[] json = Mutations.ofJson(random, header);
    int data = whole.length - Long.BYTES - length;
    ByteBuffer file =
        ByteBuffer.allocate(Long.BYTES + json.length + data).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(json.length).put(json).put(whole, Long.BYTES + length, data);
    return file.array();
  }

  @Test
  void headerIsNotReadBeforeItsLengthIsChecked() throws IOException {
    Path file = folder.resolve("model.safetensors");
    for (long length : new long[] {Long.MAX_VALUE, -1, 1L << 31, 99_999_999}) {
      ByteBuffer start = ByteBuffer.allocate(Long.BYTES + 2).order(ByteOrder.LITTLE_ENDIAN);
      byte[] content = start.putLong(length).put((byte) '{').put((byte) '}').array();
      Fuzz.Outcome outcome =
          Fuzz.refusedBy(DataException.class, file.toString())
              .within(1 << 20, 100)
              .run(
                  2,
                  random -> content,
                  bytes -> {
                    Files.write(file, bytes);
                    SafetensorsFile.open(file).close();
                  });
      assertThat(outcome.taken()).isZero();
    }
  }

  @Test
  void damagedIndexIsTakenOrRefusedInASentence() throws IOException {
    Files.write(folder.resolve("model-1.safetensors"), file());
    String index =
        """
        {"metadata": {"total_size": 44},
         "weight_map": {"embedding.weight": "model-1.safetensors",
          "norm.weight": "model-1.safetensors", "scalar": "model-1.safetensors",
          "none": "model-1.safetensors"}}
        """;
    Path file = folder.resolve("model.safetensors.index.json");
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(DataException.class, folder.toString())
            .within(4 << 20, 100)
            .run(
                2000,
                random -> Mutations.ofJson(random, index.strip()),
                content -> {
                  Files.write(file, content);
                  SafetensorsFolder.open(folder).close();
                });
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }

  @Test
  void indexCannotNameAFileElsewhere() throws IOException {
    Path outside = Files.createDirectories(folder.resolve("outside"));
    Path inside = Files.createDirectories(folder.resolve("inside"));
    Files.write(outside.resolve("secret.safetensors"), file());
    for (String name :
        List.of(
            "../outside/secret.safetensors",
            outside.resolve("secret.safetensors").toString(),
            "..")) {
      Files.writeString(
          inside.resolve("model.safetensors.index.json"),
          "{\"weight_map\": {\"scalar\": \"" + name + "\"}}");
      assertThatThrownBy(() -> SafetensorsFolder.open(inside).close())
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll(inside.toString(), "not the name of a file in the same folder");
    }
  }
}
