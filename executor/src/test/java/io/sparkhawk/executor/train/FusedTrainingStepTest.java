package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.Parallelism.Transport;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole training steps through the kernels, in bfloat16 on the GPU. */
@Tag("gpu")
class FusedTrainingStepTest {

  private static final PhiConfig SIZES =
      new PhiConfig(256, 3, 8, 1024, 512, 16, 10000, 1e-5, 512, false);

  private static final StudentConfig STUDENT =
      StudentConfig.of(
          SIZES, new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 128, List.of(1)));

  private final Random random = new Random(5);

  private static int tensors(LanguageModel model) {
    return ((BaseNDManager) model.manager()).getManagedArrays().size();
  }

  @ParameterizedTest
  @CsvSource({
    "MATRIX, MIXERS, false, FLOAT32",
    "MATRIX, ALL, false, BFLOAT16",
    "HIDDEN, MIXERS, false, FLOAT32",
    "HIDDEN, ALL, false, BFLOAT16",
    "DISTILL, ALL, false, FLOAT32",
    "DISTILL, ALL, false, BFLOAT16",
    "DISTILL, ALL, true, FLOAT32"
  })
  void stepLeavesNoTensorBehindAndNoWeightUndefined(
      StageKind stage, TrainedParts parts, boolean recompute, GradientType gradients) {
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.randomTeacher(SIZES, Device.gpu(), ElementType.BFLOAT16);
        LanguageModel student = Models.newStudent(teacher, STUDENT, 3, false);
        Trajectory trajectory =
            start(teacher, student, settings(stage, parts, recompute), gradients)) {
      step(trajectory, student); // makes masks and other tensors that are kept
      int ofTeacher = tensors(teacher);
      int ofStudent = tensors(student);
      for (int i = 0; i < 3; i++) {
        assertThat(step(trajectory, student).gradientNorm()).isPositive().isFinite();
      }

      assertThat(tensors(teacher)).isEqualTo(ofTeacher);
      assertThat(tensors(student)).isEqualTo(ofStudent);
      assertThat(HostMemory.floats(trajectory.parameters().values())).doesNotContain(Float.NaN);
    }
  }

  @ParameterizedTest
  @EnumSource
  void gradientsInBfloat16TrainAsThoseInFloat32Do(StageKind stage) {
    TrainedParts parts = stage == StageKind.DISTILL ? TrainedParts.ALL : TrainedParts.MIXERS;
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.randomTeacher(SIZES, Device.gpu(), ElementType.BFLOAT16);
        LanguageModel student = Models.newStudent(teacher, STUDENT, 3, false);
        LanguageModel same = Models.newStudent(teacher, STUDENT, 3, false);
        Trajectory wide =
            start(teacher, student, settings(stage, parts, false), GradientType.FLOAT32);
        Trajectory rounded =
            start(teacher, same, settings(stage, parts, false), GradientType.BFLOAT16)) {
      assertThat(ElementType.of(rounded.parameters().gradients())).isEqualTo(ElementType.BFLOAT16);
      TrajectoryPair.requireTheSameTraining(wide, rounded, student.manager(), 2, 150, 512);
    }
  }

  @ParameterizedTest
  @CsvSource({"HIDDEN, FLOAT32", "HIDDEN, BFLOAT16", "DISTILL, FLOAT32", "DISTILL, BFLOAT16"})
  void gradientsOfAStepAreThoseThatAreAddedToZeros(StageKind stage, GradientType gradients) {
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.randomTeacher(SIZES, Device.gpu(), ElementType.BFLOAT16);
        LanguageModel student = Models.newStudent(teacher, STUDENT, 3, false);
        LanguageModel same = Models.newStudent(teacher, STUDENT, 3, false);
        Trajectory stepping =
            start(teacher, student, settings(stage, TrainedParts.ALL, false), gradients);
        Trajectory adding =
            start(teacher, same, settings(stage, TrainedParts.ALL, false), gradients);
        TensorScope scope = TensorScope.open()) {
      NDArray tokens =
          student.manager().create(random.ints(2 * 150, 0, 512).toArray(), new Shape(2, 150));
      stepping.step(tokens, 0);
      stepping.step(tokens, 0); // does not add to what the first one left

      adding.gradients(tokens);

      assertThat(TrajectoryPair.errorOfGradients(stepping, adding)).isLessThan(1.0 / 256);
    }
  }

  private static Trajectory.Settings settings(
      StageKind stage, TrainedParts parts, boolean recompute) {
    return new Trajectory.Settings(
        stage,
        HiddenTarget.MIXER,
        parts,
        recompute,
        new AdamW.Hyperparameters(0.9, 0.95, 1e-8, 0.1),
        1);
  }

  private static Trajectory start(
      LanguageModel teacher,
      LanguageModel student,
      Trajectory.Settings settings,
      GradientType gradients) {
    return Trajectory.start(
        teacher,
        student,
        settings,
        SingleProcess.create(),
        new Parallelism(Transport.NONE, 1, gradients));
  }

  private Trajectory.Step step(Trajectory trajectory, LanguageModel student) {
    int[] ids = random.ints(2 * 150, 0, 512).toArray();
    try (TensorScope scope = TensorScope.open()) {
      NDArray tokens = student.manager().create(ids, new Shape(2, 150));
      return trajectory.step(tokens, 1e-3);
    }
  }
}
