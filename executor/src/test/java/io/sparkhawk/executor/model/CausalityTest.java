package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.tensor.Threads;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A later token changes nothing before it, bit for bit. */
class CausalityTest {

  private static final int VOCABULARY = 23;
  private static final int LENGTH = 19;
  private static final int CHUNK = 4;

  @TempDir private Path folder;
  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);

  @BeforeEach
  void printSeed() {
    System.out.println("seed " + seed);
  }

  /** Students by what stands in for attention, and the teacher. */
  enum Kind {
    TEACHER(MixerKind.MAMBA2, false),
    MAMBA2(MixerKind.MAMBA2, false),
    LOW_RANK(MixerKind.LOW_RANK, false),
    TOEPLITZ(MixerKind.TOEPLITZ, false),
    HYBRID(MixerKind.MAMBA2, true);

    private final MixerKind mixer;
    private final boolean hybrid;

    Kind(MixerKind mixer, boolean hybrid) {
      this.mixer = mixer;
      this.hybrid = hybrid;
    }
  }

  @BeforeAll
  static void useOneThread() {
    Threads.limit(1);
  }

  @BeforeEach
  void writeTeacher() {
    new PhiFolder(random, 3, 2, 4, VOCABULARY).write(folder);
  }

  private void with(Kind kind, BiConsumer<LanguageModel, int[]> test) {
    StudentSettings settings =
        new StudentSettings(
            kind.mixer, false, 5, 4, 2, CHUNK, kind.hybrid ? List.of(1) : List.of());
    StudentConfig config = StudentConfig.of(PhiConfig.read(folder), settings);
    int[] ids = random.ints(2 * LENGTH, 0, VOCABULARY).toArray();
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.loadTeacher(folder, Device.cpu(), ElementType.FLOAT32);
        LanguageModel student = Models.newStudent(teacher, config, seed, false);
        TensorScope scope = TensorScope.open()) {
      student.blocks().forEach(block -> block.mixer().parameters().forEach(this::shake));
      test.accept(kind == Kind.TEACHER ? teacher : student, ids);
    }
  }

  /** Many weights of a new mixer are 0 or pass things through, where little could be seen. */
  private void shake(Parameter parameter) {
    double[] noise = random.doubles(parameter.size(), -0.3, 0.3).toArray();
    NDArray value = parameter.value();
    Operators.addInPlace(
        value,
        Operators.convert(
            value.getManager().create(noise, value.getShape()), ElementType.of(value)));
  }

  /** Other tokens from {@code first} on, in both sequences. */
  private static int[] changed(int[] ids, int first) {
    int[] changed = ids.clone();
    for (int i = 0; i < ids.length; i++) {
      if (i % LENGTH >= first) {
        changed[i] = (ids[i] + 1) % VOCABULARY;
      }
    }
    return changed;
  }

  private static NDArray tensor(LanguageModel model, int[] ids) {
    return model.manager().create(ids, new Shape(2, LENGTH));
  }

  private static double[] logits(LanguageModel model, int[] ids) {
    NDArray hidden = model.hidden(tensor(model, ids));
    return Operators.toDoubles(model.head().forward(model.finalNorm().forward(hidden)));
  }

  @ParameterizedTest
  @EnumSource
  void aLaterTokenChangesNoEarlierLogit(Kind kind) {
    with(
        kind,
        (model, ids) -> {
          double[] before = logits(model, ids);
          // All positions, so before, at and after the borders of chunks.
          for (int first = 1; first < LENGTH; first++) {
            double[] after = logits(model, changed(ids, first));
            for (int sequence = 0; sequence < 2; sequence++) {
              int from = sequence * LENGTH * VOCABULARY;
              int at = from + first * VOCABULARY;
              String what = kind + ", token " + first + ", seed " + seed;
              assertThat(Arrays.copyOfRange(after, from, at))
                  .as(what)
                  .containsExactly(Arrays.copyOfRange(before, from, at));
              assertThat(Arrays.copyOfRange(after, at, at + VOCABULARY))
                  .as(what)
                  .isNotEqualTo(Arrays.copyOfRange(before, at, at + VOCABULARY));
            }
          }
        });
  }

  @ParameterizedTest
  @EnumSource
  void matricesAreZeroAboveTheDiagonalAndTheirRowsKnowNoLaterToken(Kind kind) {
    with(
        kind,
        (model, ids) -> {
          int first = 1 + random.nextInt(LENGTH - 1);
          NDArray before = model.embed(tensor(model, ids));
          NDArray after = model.embed(tensor(model, changed(ids, first)));
          for (Block block : model.blocks()) {
            double[] matrix = matrix(block, before);
            double[] other = matrix(block, after);
            for (int at = 0; at < matrix.length; at++) {
              int i = at / LENGTH % LENGTH;
              int j = at % LENGTH;
              String what = kind + " row " + i + " column " + j + ", seed " + seed;
              if (j > i) {
                assertThat(matrix[at]).as(what).isZero();
              } else if (i < first) {
                assertThat(other[at]).as(what).isEqualTo(matrix[at]);
              }
            }
            assertThat(matrix[matrix.length - 1]).as("seed %d", seed).isNotZero();
          }
        });
  }

  /** (batch, heads, length, length) of a block's mixer on a hidden state. */
  private static double[] matrix(Block block, NDArray hidden) {
    return Operators.toDoubles(Operators.contiguous(block.mixer().matrix(block.normalise(hidden))));
  }
}
