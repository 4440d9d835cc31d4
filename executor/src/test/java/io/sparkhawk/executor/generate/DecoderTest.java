package io.sparkhawk.executor.generate;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.tensor.Threads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class DecoderTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final int VOCABULARY = 96;
  private static final int WIDTH = 64;
  private static final int LENGTH = 45;

  /** Shorter than the convolution, across its width, one chunk, and more than a chunk. */
  private static final int[] PROMPTS = {1, 2, 4, 16, 37};

  @BeforeAll
  static void useOneThread() {
    Threads.limit(1);
  }

  private static double tolerance(ElementType type) {
    return type == ElementType.FLOAT64 ? 1e-9 : 1e-4;
  }

  @ParameterizedTest
  @CsvSource({
    "pure/student, FLOAT64",
    "pure/student, FLOAT32",
    "hybrid/student, FLOAT64",
    "hybrid/student, FLOAT32",
    "hybrid/teacher, FLOAT64",
    "hybrid/teacher, FLOAT32"
  })
  void stepByStepLogitsAreThoseOfTheParallelForward(String folder, ElementType type) {
    try (LanguageModel model = Models.load(GOLDEN.resolve(folder), Device.cpu(), type)) {
      for (int prompt : PROMPTS) {
        assertStepsEqualForward(model, type, prompt, 1);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = ElementType.class,
      names = {"FLOAT64", "FLOAT32"})
  void aSequenceMayBeGivenInPiecesOfAnyLength(ElementType type) {
    for (String folder : List.of("hybrid/student", "hybrid/teacher")) {
      try (LanguageModel model = Models.load(GOLDEN.resolve(folder), Device.cpu(), type)) {
        for (int piece : new int[] {2, 3, 17}) {
          assertStepsEqualForward(model, type, 5, piece);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "MAMBA2, 1, 1, 16",
    "MAMBA2, 2, 2, 7",
    "MAMBA2, 16, 1, 128",
    "LOW_RANK, 4, 1, 16",
    "TOEPLITZ, 4, 1, 16"
  })
  void otherMixersAndSizesDecodeToo(MixerKind mixer, int convWidth, int expand, int chunkSize) {
    Path folder = GOLDEN.resolve("pure/teacher");
    StudentSettings settings =
        new StudentSettings(mixer, false, 8, convWidth, expand, chunkSize, List.of());
    try (LanguageModel teacher = Models.loadTeacher(folder, Device.cpu(), ElementType.FLOAT64);
        LanguageModel student =
            Models.newStudent(
                teacher, StudentConfig.of(PhiConfig.read(folder), settings), 11, false)) {
      for (int prompt : PROMPTS) {
        assertStepsEqualForward(student, ElementType.FLOAT64, prompt, 1);
      }
    }
  }

  private static void assertStepsEqualForward(
      LanguageModel model, ElementType type, int prompt, int piece) {
    int[] ids = ids(LENGTH);
    try (Gradients paused = Gradients.pause();
        TensorScope scope = TensorScope.open();
        Decoder decoder = Decoder.start(model)) {
      NDArray whole =
          decoder.logits(model.hidden(model.manager().create(ids, new Shape(1, LENGTH))));
      List<NDArray> pieces = new ArrayList<>();
      pieces.add(decoder.logits(decoder.hidden(Arrays.copyOf(ids, prompt))));
      for (int first = prompt; first < LENGTH; first += piece) {
        int end = Math.min(LENGTH, first + piece);
        pieces.add(decoder.logits(decoder.hidden(Arrays.copyOfRange(ids, first, end))));
      }
      double[] expected = Operators.toDoubles(whole);
      double[] found = Operators.toDoubles(Operators.concatenate(pieces, 1));
      assertThat(distance(found, expected)).isLessThan(tolerance(type));
    }
  }

  /** |found - expected| / |expected|. */
  private static double distance(double[] found, double[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow(found[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / norm);
  }

  private static int[] ids(int length) {
    return new SplittableRandom(3).ints(length, 0, VOCABULARY).toArray();
  }

  @Test
  void inBfloat16StepsStayNearTheParallelForward() {
    try (LanguageModel model =
            Models.load(GOLDEN.resolve("hybrid/student"), Device.cpu(), ElementType.BFLOAT16);
        Decoder decoder = Decoder.start(model);
        Gradients paused = Gradients.pause();
        TensorScope scope = TensorScope.open()) {
      int[] ids = ids(LENGTH);
      NDArray whole =
          decoder.logits(model.hidden(model.manager().create(ids, new Shape(1, LENGTH))));
      double[] last = Operators.toDoubles(Operators.narrow(whole, 1, LENGTH - 1, 1));
      float[] found = null;
      for (int id : ids) {
        found = decoder.advance(id);
      }
      float[] steps = found;
      assertThat(
              distance(IntStream.range(0, VOCABULARY).mapToDouble(i -> steps[i]).toArray(), last))
          .isBetween(1e-12, 0.03);
    }
  }

  @Test
  void memoryOfAPureStudentDoesNotDependOnTheLength() {
    try (LanguageModel model =
            Models.load(GOLDEN.resolve("pure/student"), Device.cpu(), ElementType.FLOAT32);
        Decoder decoder = Decoder.start(model)) {
      decoder.advance(ids(50));
      long bytes = decoder.bytes();
      int tensors = model.manager().getManagedArrays().size();
      for (int id : ids(450)) {
        decoder.advance(id);
      }
      assertThat(decoder.bytes()).isPositive().isEqualTo(bytes);
      assertThat(model.manager().getManagedArrays()).hasSize(tensors);
    }
  }

  @Test
  void memoryOfAHybridGrowsByTheKeysAndValuesOfItsAttentionAlone(@TempDir Path folder)
      throws IOException {
    Path hybrid = withPositions(GOLDEN.resolve("hybrid/student"), folder, 1024);
    try (LanguageModel model = Models.load(hybrid, Device.cpu(), ElementType.FLOAT32);
        Decoder decoder = Decoder.start(model)) {
      decoder.advance(ids(50));
      long bytes = decoder.bytes();
      int tensors = model.manager().getManagedArrays().size();
      for (int id : ids(450)) {
        decoder.advance(id);
      }
      long attentionBlocks = model.blocks().stream().filter(Block::isAttention).count();
      // From room for 256 positions to room for 512, keys and values of 64 float32 each.
      assertThat(decoder.bytes() - bytes)
          .isPositive()
          .isEqualTo(attentionBlocks * 256 * 2 * WIDTH * Float.BYTES);
      assertThat(model.manager().getManagedArrays()).hasSize(tensors);
    }
  }

  private static Path withPositions(Path model, Path folder, int positions) throws IOException {
    Files.copy(model.resolve("model.safetensors"), folder.resolve("model.safetensors"));
    String config = Files.readString(model.resolve("config.json"));
    String other =
        config.replaceAll("(\"max_position_embeddings\"\\s*:\\s*)\\d+", "$1" + positions);
    assertThat(other).isNotEqualTo(config);
    Files.writeString(folder.resolve("config.json"), other);
    return folder;
  }

  @Test
  void theEndOfASequenceFreesItsMemory() {
    try (LanguageModel model =
        Models.load(GOLDEN.resolve("hybrid/student"), Device.cpu(), ElementType.FLOAT32)) {
      decode(model);
      int tensors = model.manager().getManagedArrays().size();
      decode(model);
      assertThat(model.manager().getManagedArrays()).hasSize(tensors);
    }
  }

  private static void decode(LanguageModel model) {
    try (Decoder decoder = Decoder.start(model)) {
      decoder.advance(ids(20));
      decoder.advance(1);
    }
  }

  @Test
  void aLongPromptIsComputedInPieces() {
    try (LanguageModel model =
            Models.load(GOLDEN.resolve("pure/student"), Device.cpu(), ElementType.FLOAT64);
        Decoder atOnce = Decoder.start(model);
        Decoder inTwo = Decoder.start(model)) {
      int[] ids = ids(2500);
      float[] expected = atOnce.advance(ids);
      inTwo.advance(Arrays.copyOf(ids, 700));
      float[] found = inTwo.advance(Arrays.copyOfRange(ids, 700, 2500));
      for (int i = 0; i < expected.length; i++) {
        assertThat((double) found[i])
            .isCloseTo(expected[i], org.assertj.core.data.Offset.offset(1e-6));
      }
    }
  }

  @Test
  void onlyAttentionLimitsTheLength() {
    try (LanguageModel pure =
            Models.load(GOLDEN.resolve("pure/student"), Device.cpu(), ElementType.FLOAT32);
        LanguageModel hybrid =
            Models.load(GOLDEN.resolve("hybrid/student"), Device.cpu(), ElementType.FLOAT32)) {
      assertThat(Decoder.longestSequence(pure)).isEqualTo(Long.MAX_VALUE);
      assertThat(Decoder.longestSequence(hybrid)).isEqualTo(64);
    }
  }
}
