package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.Objectives;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.Parallelism.Transport;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TrainingStepTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/hybrid");
  private static final AdamW.Hyperparameters RECIPE =
      new AdamW.Hyperparameters(0.9, 0.95, 1e-8, 0.1);

  private static int tensors(LanguageModel model) {
    return ((BaseNDManager) model.manager()).getManagedArrays().size();
  }

  @ParameterizedTest
  @EnumSource(StageKind.class)
  void stepLeavesNoTensorBehind(StageKind stage) {
    ElementType type = ElementType.FLOAT32;
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.loadTeacher(GOLDEN.resolve("teacher"), Device.cpu(), type);
        LanguageModel student = Models.loadStudent(GOLDEN.resolve("student"), Device.cpu(), type);
        FlatParameters parameters =
            FlatParameters.of(
                student.manager(),
                type,
                TrainedParameters.of(student, stage, TrainedParts.ALL, HiddenTarget.MIXER));
        AdamW optimizer = new AdamW(student.manager(), parameters, RECIPE);
        TrainingStep step =
            new TrainingStep(
                Objectives.of(stage, HiddenTarget.MIXER, teacher, student, false),
                parameters,
                optimizer,
                SingleProcess.create(),
                1,
                Parallelism.NONE)) {
      run(step, student); // makes masks and other tensors that are kept
      int ofTeacher = tensors(teacher);
      int ofStudent = tensors(student);
      for (int i = 0; i < 3; i++) {
        run(step, student);
      }

      assertThat(tensors(teacher)).isEqualTo(ofTeacher);
      assertThat(tensors(student)).isEqualTo(ofStudent);
    }
  }

  @ParameterizedTest
  @EnumSource(StageKind.class)
  void gradientsInBfloat16TrainAsThoseInFloat32Do(StageKind stage) {
    ElementType type = ElementType.BFLOAT16;
    Trajectory.Settings settings =
        new Trajectory.Settings(stage, HiddenTarget.MIXER, TrainedParts.ALL, false, RECIPE, 1);
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.loadTeacher(GOLDEN.resolve("teacher"), Device.cpu(), type);
        LanguageModel student = Models.loadStudent(GOLDEN.resolve("student"), Device.cpu(), type);
        LanguageModel same = Models.loadStudent(GOLDEN.resolve("student"), Device.cpu(), type);
        Trajectory wide = Trajectory.start(teacher, student, settings);
        Trajectory rounded =
            Trajectory.start(
                teacher,
                same,
                settings,
                SingleProcess.create(),
                new Parallelism(Transport.NONE, 1, GradientType.BFLOAT16))) {
      assertThat(ElementType.of(rounded.parameters().gradients())).isEqualTo(type);
      TrajectoryPair.requireTheSameTraining(wide, rounded, student.manager(), 2, 20, 96);
    }
  }

  private static void run(TrainingStep step, LanguageModel student) {
    int[] ids = new Random(1).ints(2 * 20, 0, 96).toArray();
    try (TensorScope scope = TensorScope.open()) {
      NDArray tokens = student.manager().create(ids, new Shape(2, 20));
      step.run(List.of(tokens), 2, 1e-3);
    }
  }

  @Test
  void adamWIsTheAlgorithmElementByElement() {
    Random random = new Random(2);
    try (NDManager manager = NDManager.newBaseManager();
        Gradients paused = Gradients.pause();
        LanguageModel student =
            Models.loadStudent(GOLDEN.resolve("student"), Device.cpu(), ElementType.FLOAT64);
        FlatParameters parameters =
            FlatParameters.of(
                student.manager(),
                ElementType.FLOAT64,
                List.of(List.of(student.finalNorm().weight())));
        AdamW optimizer = new AdamW(student.manager(), parameters, RECIPE)) {
      int size = Math.toIntExact(parameters.layout().size());
      double[] w = parameters.values().toDoubleArray();
      double[] m = new double[size];
      double[] v = new double[size];
      for (int t = 1; t <= 4; t++) {
        double[] g = random.doubles(size, -1, 1).toArray();
        try (TensorScope scope = TensorScope.open()) {
          parameters.gradients().set(manager.create(g).toByteBuffer());
          optimizer.update(parameters, 1e-2, 0.5);
        }
        for (int i = 0; i < size; i++) {
          double scaled = 0.5 * g[i];
          m[i] = 0.9 * m[i] + 0.1 * scaled;
          v[i] = 0.95 * v[i] + 0.05 * scaled * scaled;
          double mHat = m[i] / (1 - Math.pow(0.9, t));
          double vHat = v[i] / (1 - Math.pow(0.95, t));
          w[i] = w[i] - 1e-2 * (mHat / (Math.sqrt(vHat) + 1e-8) + 0.1 * w[i]);
        }
      }
      assertThat(parameters.values().toDoubleArray()).containsExactly(w, within(1e-12));
    }
  }

  @Test
  void learningRateRisesStaysAndFalls() {
    Schedule schedule = new Schedule(1.0, 10, 2, 5);
    double[] rates = new double[10];
    for (int step = 0; step < 10; step++) {
      rates[step] = schedule.learningRate(step);
    }
    assertThat(rates)
        .containsExactly(new double[] {0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2}, within(1e-12));
    assertThat(new Schedule(2.0, 3, 0, 0).learningRate(2)).isEqualTo(2.0);
  }
}
