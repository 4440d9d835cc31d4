package io.sparkhawk.executor.train;

import ai.djl.Device;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import java.util.List;

/** The trained parameters of a small student, for tests of what is done with flat buffers. */
final class TestParameters implements AutoCloseable {

  /** Sizes that no number of ranks divides: width 36, vocabulary 50. */
  static final PhiConfig SIZES = new PhiConfig(36, 2, 4, 144, 50, 4, 10000, 1e-5, 20, false);

  private final LanguageModel teacher;
  private final LanguageModel student;
  private final FlatParameters parameters;

  private TestParameters(
      Device device, ElementType type, ElementType gradientType, int rank, int shares) {
    try (Gradients paused = Gradients.pause()) {
      teacher = Models.randomTeacher(SIZES, device, type);
      student = Models.newStudent(teacher, config(), 1, false);
      parameters =
          FlatParameters.of(
              student.manager(),
              type.accumulationType(),
              gradientType,
              segments(student),
              rank,
              shares);
    }
  }

  static TestParameters on(Device device, ElementType type, int rank, int shares) {
    return on(device, type, type.accumulationType(), rank, shares);
  }

  static TestParameters on(
      Device device, ElementType type, ElementType gradientType, int rank, int shares) {
    return new TestParameters(device, type, gradientType, rank, shares);
  }

  private static StudentConfig config() {
    return StudentConfig.of(
        SIZES, new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, List.of()));
  }

  private static List<List<Parameter>> segments(LanguageModel student) {
    return TrainedParameters.of(student, StageKind.DISTILL, TrainedParts.ALL, HiddenTarget.MIXER);
  }

  FlatParameters flat() {
    return parameters;
  }

  LanguageModel student() {
    return student;
  }

  @Override
  public void close() {
    parameters.close();
    student.close();
    teacher.close();
  }
}
