package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StudentInitialisationTest {

  private static final Path TEACHER = Path.of("src/test/resources/golden/pure/teacher");
  private static final int HEADS = 4;
  private static final int HEAD_SIZE = 16;
  private static final int WIDTH = HEADS * HEAD_SIZE;
  private static final int LENGTH = 11;

  private LanguageModel teacher;
  private TensorScope scope;
  private Gradients paused;
  private NDArray u;

  @BeforeEach
  void loadTeacher() {
    scope = TensorScope.open();
    paused = Gradients.pause();
    teacher = Models.loadTeacher(TEACHER, Device.cpu(), ElementType.FLOAT64);
    Random random = new Random(5);
    float[] values = new float[LENGTH * WIDTH];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    u = HostMemory.tensor(teacher.manager(), values, ElementType.FLOAT64, 1, LENGTH, WIDTH);
    // The teacher's biases start at 0: others show whether they are taken over.
    teacher.parameters().stream()
        .filter(parameter -> parameter.name().matches(".*self_attn.*bias"))
        .forEach(parameter -> setRandom(parameter, random));
  }

  private void setRandom(Parameter parameter, Random random) {
    float[] values = new float[(int) parameter.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Operators.copy(
        HostMemory.tensor(
            teacher.manager(), values, ElementType.FLOAT64, parameter.shape().getShape()),
        parameter.value());
  }

  @AfterEach
  void free() {
    paused.close();
    scope.close();
    teacher.close();
  }

  private static StudentSettings settings(MixerKind mixer, int stateSize, int expand) {
    return new StudentSettings(mixer, true, stateSize, 4, expand, 4, List.of());
  }

  private LanguageModel student(MixerKind mixer) {
    StudentConfig config = StudentConfig.of(PhiConfig.read(TEACHER), settings(mixer, 0, 1));
    return Models.newStudent(teacher, config, 3, true);
  }

  private NDArray teacherWeight(String name) {
    return weight(teacher, "model.layers.1.self_attn." + name);
  }

  private static NDArray weight(LanguageModel model, String name) {
    return model.parameters().stream()
        .filter(parameter -> parameter.name().equals(name))
        .findFirst()
        .orElseThrow()
        .value();
  }

  /** A projection of attention on u, its bias added: (heads, length, head size). */
  private NDArray attention(String projection) {
    NDArray flat =
        Operators.linear(
            u, teacherWeight(projection + ".weight"), teacherWeight(projection + ".bias"));
    return Operators.transpose(Operators.reshape(flat, LENGTH, HEADS, HEAD_SIZE), 0, 1);
  }

  /** Scaled scores of queries and keys, without those of later keys. */
  private NDArray scaledScores() {
    double[] scores =
        Operators.toDoubles(
            Operators.contiguous(
                Operators.scale(
                    Operators.matmul(
                        attention("q_proj"), Operators.transpose(attention("k_proj"), 1, 2)),
                    1 / Math.sqrt(HEAD_SIZE))));
    for (int at = 0; at < scores.length; at++) {
      int i = at / LENGTH % LENGTH;
      int j = at % LENGTH;
      scores[at] = i < j ? 0 : scores[at];
    }
    return teacher.manager().create(scores).reshape(HEADS, LENGTH, LENGTH);
  }

  @Test
  void fromAttentionALowRankMixerMixesValuesByScaledScores() {
    try (LanguageModel student = student(MixerKind.LOW_RANK)) {
      NDArray matrix = scaledScores();
      NDArray mixed = Operators.transpose(Operators.matmul(matrix, attention("v_proj")), 0, 1);
      NDArray output =
          Operators.linear(
              Operators.reshape(mixed, 1, LENGTH, WIDTH), teacherWeight("dense.weight"));
      Mixer mixer = student.blocks().get(1).mixer();

      assertSame(mixer.matrix(u), matrix);
      assertSame(mixer.forward(u), output);
    }
  }

  private static void assertSame(NDArray actual, NDArray expected) {
    double[] found = Operators.toDoubles(Operators.contiguous(actual));
    double[] wanted = Operators.toDoubles(Operators.contiguous(expected));
    assertThat(found).hasSameSizeAs(wanted);
    for (int i = 0; i < wanted.length; i++) {
      assertThat(found[i]).isCloseTo(wanted[i], within(1e-5));
    }
  }

  @Test
  void anAlternativeMixerBeginsNearTheMatrixOfZeros() {
    for (MixerKind kind : List.of(MixerKind.LOW_RANK, MixerKind.TOEPLITZ)) {
      StudentSettings settings = new StudentSettings(kind, false, HEAD_SIZE, 4, 1, 4, List.of());
      StudentConfig config = StudentConfig.of(PhiConfig.read(TEACHER), settings);
      try (LanguageModel student = Models.newStudent(teacher, config, 3, false)) {
        NDArray matrix = student.blocks().get(1).mixer().matrix(u);
        NDArray attention = teacher.blocks().get(1).attend(u).matrix();

        assertThat(norm(matrix)).as("%s", kind).isLessThan(norm(attention));
      }
    }
  }

  @Test
  void mamba2BeginsWithTheReferencesSkip() {
    StudentConfig config =
        StudentConfig.of(
            PhiConfig.read(TEACHER),
            new StudentSettings(MixerKind.MAMBA2, false, HEAD_SIZE, 4, 1, 4, List.of()));
    try (LanguageModel student = Models.newStudent(teacher, config, 3, false)) {
      assertThat(Operators.toDoubles(weight(student, "backbone.layers.1.mixer.D")))
          .containsOnly(1.0)
          .hasSize(HEADS);
    }
  }

  private static double norm(NDArray x) {
    return Math.sqrt(
        Arrays.stream(Operators.toDoubles(Operators.contiguous(x))).map(v -> v * v).sum());
  }

  @Test
  void fromAttentionMamba2HasTheSameProjectionsAndADecayOfItsOwn() {
    try (LanguageModel mamba = student(MixerKind.MAMBA2);
        LanguageModel lowRank = student(MixerKind.LOW_RANK)) {
      String name = "backbone.layers.0.mixer.in_proj.weight";
      NDArray common = weight(lowRank, name);
      long rows = common.getShape().get(0);
      assertSame(Operators.narrow(weight(mamba, name), 0, 0, rows), common);

      NDArray decayRows = Operators.narrow(weight(mamba, name), 0, rows, HEADS);
      assertThat(Operators.toDoubles(Operators.contiguous(decayRows))).doesNotContain(0.0);
    }
  }

  @Test
  void fromAttentionIsRefusedWhereItsWeightsDoNotFit() {
    PhiConfig phi = PhiConfig.read(TEACHER);

    assertThatThrownBy(() -> StudentConfig.of(phi, settings(MixerKind.MAMBA2, 8, 1)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("state-size 16")
        .hasMessageContaining("they are 8 and 1");
    assertThatThrownBy(() -> StudentConfig.of(phi, settings(MixerKind.LOW_RANK, 16, 2)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("they are 16 and 2");
    assertThatThrownBy(() -> StudentConfig.of(phi, settings(MixerKind.TOEPLITZ, 16, 1)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("toeplitz");
  }
}
