package io.sparkhawk.executor.stage;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.AdamW;
import io.sparkhawk.executor.train.FlatLayout;
import io.sparkhawk.executor.train.Trajectory;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The kernels inside whole stages in bfloat16, against the plain operators in float64. */
@Tag("gpu")
class FusedStagesTest {

  /** bfloat16 has a unit roundoff of 2^-8, and a dozen rounded operations follow each other. */
  private static final double TOLERANCE = 4e-2;

  private final Random random = new Random(7);

  @ParameterizedTest
  @CsvSource({
    "MATRIX, MIXER, MIXERS, false, 2, 150",
    "MATRIX, MIXER, ALL, false, 1, 64",
    "HIDDEN, MIXER, MIXERS, false, 2, 150",
    "HIDDEN, BLOCK, ALL, false, 1, 77",
    "DISTILL, MIXER, ALL, false, 2, 150",
    "DISTILL, MIXER, ALL, true, 1, 300",
    "DISTILL, MIXER, MIXERS, false, 3, 5"
  })
  void gradientsAreThoseOfThePlainOperators(
      StageKind stage,
      HiddenTarget target,
      TrainedParts parts,
      boolean recompute,
      int batch,
      int length) {
    Trajectory.Settings settings =
        new Trajectory.Settings(
            stage, target, parts, recompute, new AdamW.Hyperparameters(0.9, 0.95, 1e-8, 0.1), 1);
    PhiConfig sizes = new PhiConfig(256, 3, 8, 1024, 512, 16, 10000, 1e-5, 512, false);
    StudentConfig config =
        StudentConfig.of(
            sizes, new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 128, List.of(1)));
    int[] ids = random.ints((long) batch * length, 0, 512).toArray();
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.randomTeacher(sizes, Device.gpu(), ElementType.BFLOAT16);
        LanguageModel student = Models.newStudent(teacher, config, 3, false);
        LanguageModel plainTeacher =
            Models.randomTeacher(sizes, Device.cpu(), ElementType.FLOAT64);
        LanguageModel plainStudent = Models.newStudent(plainTeacher, config, 3, false)) {
      stir(teacher);
      stir(student);
      copy(teacher, plainTeacher);
      copy(student, plainStudent);
      Map<String, double[]> fused = gradients(teacher, student, settings, ids, batch);
      Map<String, double[]> plain = gradients(plainTeacher, plainStudent, settings, ids, batch);
      Map<String, Double> distances = new TreeMap<>();
      fused.forEach((name, value) -> distances.put(name, distance(value, plain.get(name))));
      assertThat(distances)
          .allSatisfy((name, distance) -> assertThat(distance).isLessThan(TOLERANCE));
    }
  }

  /** Weights far from their start, where every part of a mixer matters. */
  private void stir(LanguageModel model) {
    for (Parameter parameter : model.parameters()) {
      float[] noise = new float[(int) parameter.size()];
      float size = parameter.name().endsWith("bias") ? 0.1f : 0.05f;
      for (int i = 0; i < noise.length; i++) {
        noise[i] = size * (float) random.nextGaussian();
      }
      try (TensorScope scope = TensorScope.open()) {
        NDArray added =
            Operators.convert(
                model.manager().create(noise, parameter.shape()), ElementType.BFLOAT16);
        Operators.addInPlace(parameter.value(), added);
      }
    }
  }

  private static void copy(LanguageModel from, LanguageModel to) {
    for (int i = 0; i < from.parameters().size(); i++) {
      Operators.copy(from.parameters().get(i).value(), to.parameters().get(i).value());
    }
  }

  private static Map<String, double[]> gradients(
      LanguageModel teacher,
      LanguageModel student,
      Trajectory.Settings settings,
      int[] ids,
      int batch) {
    Map<String, double[]> gradients = new TreeMap<>();
    try (Trajectory trajectory = Trajectory.start(teacher, student, settings);
        TensorScope scope = TensorScope.open()) {
      trajectory.gradients(student.manager().create(ids, new Shape(batch, ids.length / batch)));
      double[] all = Operators.toDoubles(trajectory.parameters().gradients());
      trajectory
          .parameters()
          .layout()
          .parameters()
          .forEach((name, range) -> gradients.put(name, slice(all, range)));
      gradients.put("loss", trajectory.losses());
    }
    assertThat(gradients.size()).isGreaterThan(1);
    return gradients;
  }

  private static double[] slice(double[] all, FlatLayout.Range range) {
    return Arrays.copyOfRange(all, (int) range.first(), (int) (range.first() + range.count()));
  }

  private static double distance(double[] ours, double[] expected) {
    double squares = 0;
    double norm = 0;
    for (int i = 0; i < ours.length; i++) {
      squares += (ours[i] - expected[i]) * (ours[i] - expected[i]);
      norm += expected[i] * expected[i];
    }
    return norm == 0 ? Math.sqrt(squares) : Math.sqrt(squares / norm);
  }
}
