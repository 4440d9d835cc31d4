package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.safetensors.SafetensorsFile;
import io.sparkhawk.executor.safetensors.SafetensorsFolder;
import io.sparkhawk.executor.safetensors.StoredTensor;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StudentFilesTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path TEACHER = GOLDEN.resolve("pure/teacher");

  @TempDir private Path folder;

  private StudentConfig config(MixerKind mixer, List<Integer> attentionBlocks) {
    return StudentConfig.of(
        PhiConfig.read(TEACHER), new StudentSettings(mixer, false, 8, 3, 2, 4, attentionBlocks));
  }

  private void write(LanguageModel student, StudentConfig config) {
    org.apache.hadoop.fs.Path target = new org.apache.hadoop.fs.Path(folder.toUri());
    StudentFiles.write(
        student, config, Storage.of(new Configuration(false), target), target, TEACHER, Map.of());
  }

  @ParameterizedTest
  @CsvSource({
    "MAMBA2, false, modules.mixers.discrete_mamba2",
    "MAMBA2, true, modules.mixers.discrete_mamba2",
    "LOW_RANK, false, sparkhawk.mixers.low_rank",
    "LOW_RANK, true, sparkhawk.mixers.low_rank",
    "TOEPLITZ, false, sparkhawk.mixers.toeplitz",
    "TOEPLITZ, true, sparkhawk.mixers.toeplitz"
  })
  void writtenStudentIsReadBackBitForBit(MixerKind mixer, boolean hybrid, String coreType)
      throws IOException {
    StudentConfig config = config(mixer, hybrid ? List.of(1) : List.of());
    try (LanguageModel teacher = Models.loadTeacher(TEACHER, Device.cpu(), ElementType.FLOAT32);
        LanguageModel student = Models.newStudent(teacher, config, 7, false)) {
      write(student, config);

      assertThat(Files.readString(folder.resolve("config.json")))
          .contains('"' + coreType + '"')
          .isEqualTo(StudentConfig.read(folder).toJson());
      assertReadBack(student);
    }
  }

  private void assertReadBack(LanguageModel student) {
    try (LanguageModel read = Models.loadStudent(folder, Device.cpu(), ElementType.FLOAT32)) {
      List<Parameter> written = student.parameters();
      assertThat(read.parameters()).hasSameSizeAs(written);
      for (int i = 0; i < written.size(); i++) {
        Parameter parameter = read.parameters().get(i);
        assertThat(parameter.name()).isEqualTo(written.get(i).name());
        assertThat(HostMemory.copyFloat32(parameter.value()))
            .as(parameter.name())
            .isEqualTo(HostMemory.copyFloat32(written.get(i).value()));
      }
    }
  }

  @Test
  void studentOfATiedTeacherHasTheEmbeddingAsAHeadOfItsOwn() {
    PhiFolder phi = new PhiFolder(new Random(6), 2, 2, 8, 24);
    phi.config().put("tie_word_embeddings", true);
    phi.weights().remove("lm_head.weight");
    phi.write(folder.resolve("tied"));
    Path tied = folder.resolve("tied");
    StudentConfig config =
        StudentConfig.of(
            PhiConfig.read(tied),
            new StudentSettings(MixerKind.MAMBA2, false, 8, 4, 1, 16, List.of(0)));
    try (LanguageModel teacher = Models.loadTeacher(tied, Device.cpu(), ElementType.FLOAT32);
        LanguageModel student = Models.newStudent(teacher, config, 7, false)) {
      write(student, config);

      assertReadBack(student);
      assertThat(student.head().weight().name()).isEqualTo("lm_head.weight");
      assertThat(student.head().weight().value()).isNotSameAs(student.embedding().value());
      assertThat(HostMemory.copyFloat32(student.head().weight().value()))
          .isEqualTo(HostMemory.copyFloat32(teacher.embedding().value()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"pure", "hybrid"})
  void writtenStudentHasTheNamesShapesAndConfigurationOfTheReference(String name)
      throws IOException {
    Path reference = GOLDEN.resolve(name).resolve("student");
    StudentConfig config = StudentConfig.read(reference);
    try (LanguageModel student =
        Models.loadStudent(reference, config, Device.cpu(), ElementType.FLOAT32)) {
      write(student, config);
    }

    assertThat(tensors(folder)).isEqualTo(tensors(reference));
    assertThat(expanded(folder)).isEqualTo(expanded(reference));
  }

  /** Each tensor of a folder: type, shape and data. */
  private static Map<String, List<Object>> tensors(Path modelFolder) {
    Map<String, List<Object>> tensors = new TreeMap<>();
    try (SafetensorsFolder weights = SafetensorsFolder.open(modelFolder)) {
      for (String name : weights.names()) {
        StoredTensor tensor = weights.tensor(name);
        tensors.put(name, List.of(tensor.type(), tensor.info().shape(), tensor.data()));
      }
    }
    return tensors;
  }

  /** A config.json whose sections of several blocks are written as one section for each block. */
  private static JsonNode expanded(Path modelFolder) throws IOException {
    ObjectMapper json = new ObjectMapper();
    JsonNode config = json.readTree(modelFolder.resolve("config.json").toFile());
    ObjectNode expanded = json.createObjectNode();
    int block = 1;
    for (Map.Entry<String, JsonNode> section : config.properties()) {
      if (section.getKey().startsWith("Block")) {
        for (int i = 0; i < section.getValue().path("n_layers").asInt(); i++) {
          expanded.set(
              "Block" + block++, section.getValue().<ObjectNode>deepCopy().put("n_layers", 1));
        }
      } else {
        expanded.set(section.getKey(), section.getValue());
      }
    }
    return expanded;
  }

  /**
   * The rows of the input projection and the channels of the convolution, as {@link
   * MixerDefinition} takes them (x, B, C, z, A), give the reference's outputs.
   */
  @Test
  void rowsOfTheInputProjectionAreInTheOrderOfTheReference() {
    Path pure = GOLDEN.resolve("pure");
    MixerShape shape = StudentConfig.read(pure.resolve("student")).mixerShape();
    try (SafetensorsFolder weights = SafetensorsFolder.open(pure.resolve("student"));
        SafetensorsFile expected = SafetensorsFile.open(pure.resolve("expected.safetensors"))) {
      Map<String, float[]> mixer = new HashMap<>();
      String prefix = "backbone.layers.1.mixer.";
      for (String name : weights.names()) {
        if (name.startsWith(prefix)) {
          mixer.put(name.substring(prefix.length()), floats(weights.tensor(name)));
        }
      }
      String norm = "backbone.layers.1.input_layernorm.";
      float[][] u =
          normalised(
              floats(expected.tensor("teacher.hidden.1")),
              floats(weights.tensor(norm + "weight")),
              floats(weights.tensor(norm + "bias")),
              24);

      assertFirst(
          new MixerDefinition(shape, mixer, u).outputs(),
          floats(expected.tensor("student.mixer_out.1")));
    }
  }

  private static float[] floats(StoredTensor tensor) {
    float[] values = new float[tensor.data().remaining() / Float.BYTES];
    tensor.data().asFloatBuffer().get(values);
    return values;
  }

  /** The layer norm of the first {@code length} positions of the first sequence. */
  private static float[][] normalised(float[] hidden, float[] weight, float[] bias, int length) {
    int width = weight.length;
    float[][] u = new float[length][width];
    for (int i = 0; i < length; i++) {
      double mean = 0;
      double square = 0;
      for (int k = 0; k < width; k++) {
        double value = hidden[i * width + k];
        mean += value / width;
        square += value * value / width;
      }
      double deviation = Math.sqrt(square - mean * mean + 1e-5);
      for (int k = 0; k < width; k++) {
        u[i][k] = (float) ((hidden[i * width + k] - mean) / deviation * weight[k] + bias[k]);
      }
    }
    return u;
  }

  /** Compares with the first positions of what is expected. */
  private static void assertFirst(double[] found, float[] expected) {
    double largest = 0;
    for (int i = 0; i < found.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
    }
    for (int i = 0; i < found.length; i++) {
      assertThat(found[i]).isCloseTo(expected[i], within(1e-5 * largest));
    }
  }

  @Test
  void rotatedEntriesOfEveryHeadSizeAreReadBack() throws IOException {
    for (int headSize : new int[] {2, 13, 44, 49, 52, 64, 80, 88, 98, 104}) {
      for (int rotated = 2; rotated <= headSize; rotated += 2) {
        StudentConfig config =
            new StudentConfig(
                2 * headSize, 2, 2, 8, MixerKind.MAMBA2, 4, 4, 1, 16, List.of(1), rotated, 1e4, 64);
        Files.writeString(folder.resolve("config.json"), config.toJson());

        assertThat(StudentConfig.read(folder)).isEqualTo(config);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "modules.phi_block, modules.other_block",
    "\"layer\", \"rms\"",
    "\"num_key_value_heads\" : 4, \"num_key_value_heads\" : 2",
    "\"hidden_size\" : 64, \"hidden_size\" : 32",
    "\"partial_rotary_factor\" : 0.5, \"partial_rotary_factor\" : 0.1",
    "\"rope_theta\" : 10000.0, \"rope_theta\" : \"big\"",
    "\"n_layer\" : 2, \"n_layer\" : 3",
    "\"conv_bias\" : true, \"conv_bias\" : false"
  })
  void aStudentThatWouldBeComputedOtherwiseIsRefused(String ours, String other) throws IOException {
    String json = config(MixerKind.MAMBA2, List.of(1)).toJson();
    assertThat(json).contains(ours);
    Files.writeString(folder.resolve("config.json"), json.replace(ours, other));

    assertThatThrownBy(() -> StudentConfig.read(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("config.json");
  }

  @Test
  void studentWithAMixerOfUnknownNameIsRefused() throws IOException {
    String json = config(MixerKind.LOW_RANK, List.of()).toJson();
    Files.writeString(
        folder.resolve("config.json"), json.replace("mixers.low_rank", "mixers.high_rank"));

    assertThatThrownBy(() -> StudentConfig.read(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("sparkhawk.mixers.high_rank")
        .hasMessageContaining("config.json");
  }
}
