package io.sparkhawk.executor.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFolderTest {

  @TempDir private Path folder;

  private void weights(String file, String tensor, int value) {
    ByteBuffer data = ByteBuffer.wrap(new byte[] {(byte) value});
    SafetensorsWriter.write(
        folder.resolve(file),
        Map.of(),
        List.of(StoredTensor.of(tensor, StoredType.U8, new long[] {1}, data)));
  }

  private void index(String json) throws IOException {
    Files.writeString(folder.resolve("model.safetensors.index.json"), json);
  }

  private void assertRefused(String message) {
    assertThatThrownBy(() -> SafetensorsFolder.open(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining(message);
  }

  @Test
  void singleFileIsFound() {
    weights("model.safetensors", "a", 1);
    try (SafetensorsFolder weights = SafetensorsFolder.open(folder)) {
      assertThat(weights.names()).containsExactly("a");
      assertThat(weights.tensor("a").data().get()).isEqualTo((byte) 1);
      assertThatThrownBy(() -> weights.tensor("b"))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("no tensor b");
    }
  }

  @Test
  void tensorsComeFromTheFilesThatTheIndexNames() throws IOException {
    weights("model-1.safetensors", "a", 1);
    weights("model-2.safetensors", "b", 2);
    index(
        """
        {"metadata": {"total_size": 2},
         "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
        """);
    try (SafetensorsFolder weights = SafetensorsFolder.open(folder)) {
      assertThat(weights.names()).containsExactly("a", "b");
      assertThat(weights.info("b").shape()).containsExactly(1L);
      assertThat(weights.tensor("a").data().get()).isEqualTo((byte) 1);
      assertThat(weights.tensor("b").data().get()).isEqualTo((byte) 2);
    }
  }

  @Test
  void allFilesThatTheIndexNamesMustExist() throws IOException {
    weights("model-1.safetensors", "a", 1);
    index(
        """
        {"weight_map":
         {"a": "model-1.safetensors", "b": "gone.safetensors", "c": "lost.safetensors"}}
        """);
    assertRefused("do not exist: gone.safetensors, lost.safetensors");
  }

  @Test
  void filesMustHoldTheTensorsThatTheIndexNamesAndNoOthers() throws IOException {
    weights("model-1.safetensors", "a", 1);
    weights("model-2.safetensors", "b", 2);
    index(
        """
        {"weight_map": {"b": "model-1.safetensors", "c": "model-2.safetensors"}}
        """);
    assertRefused(
        "b is not in model-1.safetensors; c is not in model-2.safetensors;"
            + " a is in model-1.safetensors; b is in model-2.safetensors");
  }

  @Test
  void indexBesideOtherWeightsIsRefused() throws IOException {
    weights("model-1.safetensors", "a", 1);
    weights("model.safetensors", "a", 2);
    index("{\"weight_map\": {\"a\": \"model-1.safetensors\"}}");
    assertRefused("does not name model.safetensors, which lies beside it");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../model.safetensors", "/etc/passwd", "..", "", "a\\\\b"})
  void indexCannotReachOutsideItsFolder(String file) throws IOException {
    index("{\"weight_map\": {\"a\": \"%s\"}}".formatted(file));
    assertRefused("not the name of a file in the same folder");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "{\"a\":1,\"a\":2}", ""})
  void indexMustBeJson(String json) throws IOException {
    index(json);
    assertThatThrownBy(() -> SafetensorsFolder.open(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("model.safetensors.index.json");
  }

  @Test
  void indexWithoutWeightMapIsRefused() throws IOException {
    index("{\"metadata\": {}}");
    assertRefused("no weight_map");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pytorch_model.bin", "pytorch_model.bin.index.json"})
  void pickledWeightsAreRefusedWithAWayOut(String file) throws IOException {
    Files.createFile(folder.resolve(file));
    assertRefused("safe_serialization=True");
  }

  @Test
  void folderWithoutWeightsIsRefused() {
    assertRefused("neither model.safetensors nor model.safetensors.index.json");
  }
}
