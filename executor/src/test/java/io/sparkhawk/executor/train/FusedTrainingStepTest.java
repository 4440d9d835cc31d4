package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
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
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole training steps through the kernels, in bfloat16 on the GPU. */
@Tag("gpu")
class FusedTrainingStepTest {

  private static final PhiConfig SIZES =
      new PhiConfig(256, 3, 8, 1024, 512, 16, 10000, 1e-5, 512, false);

  private final Random random = new Random(5);

  private static int tensors(LanguageModel model) {
    return ((BaseNDManager) model.manager()).getManagedArrays().size();
  }

  @ParameterizedTest
  @CsvSource({
    "MATRIX, MIXERS, false",
    "MATRIX, ALL, false",
    "HIDDEN, MIXERS, false",
    "HIDDEN, ALL, false",
    "DISTILL, ALL, false",
    "DISTILL, ALL, true"
  })
  void stepLeavesNoTensorBehindAndNoWeightUndefined(
      StageKind stage, TrainedParts parts, boolean recompute) {
    Trajectory.Settings settings =
        new Trajectory.Settings(
            stage,
            HiddenTarget.MIXER,
            parts,
            recompute,
            new AdamW.Hyperparameters(0.9, 0.95, 1e-8, 0.1),
            1);
    StudentConfig config =
        StudentConfig.of(
            SIZES, new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 128, List.of(1)));
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.randomTeacher(SIZES, Device.gpu(), ElementType.BFLOAT16);
        LanguageModel student = Models.newStudent(teacher, config, 3, false);
        Trajectory trajectory = Trajectory.start(teacher, student, settings)) {
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

  private Trajectory.Step step(Trajectory trajectory, LanguageModel student) {
    int[] ids = random.ints(2 * 150, 0, 512).toArray();
    try (TensorScope scope = TensorScope.open()) {
      NDArray tokens = student.manager().create(ids, new Shape(2, 150));
      return trajectory.step(tokens, 1e-3);
    }
  }
}
