package io.sparkhawk.executor.train;

import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A distillation in this process, without Spark: the stages one after another, then the student as
 * a folder. It trains as a run of one worker does, and goes on from the newest checkpoint that it
 * finds in its folder.
 *
 * <p>What is not said has the defaults of a run's configuration file, on the CPU in float32. Not
 * for several threads; nobody else may work in the folder meanwhile, which is not checked.
 */
public final class LocalDistillation {

  private final Path teacher;
  private final Path data;
  private final Path folder;
  private final List<StageSettings> stages = new ArrayList<>();
  private StudentSettings student =
      new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 128, List.of());
  private DeviceKind device = DeviceKind.CPU;
  private ElementType type = ElementType.FLOAT32;
  private long seed = 1;
  private int checkpointSteps = 500;
  private int threads = Runtime.getRuntime().availableProcessors();
  private TrainingListener listener = TrainingListener.SILENT;

  private LocalDistillation(Path teacher, Path data, Path folder) {
    this.teacher = Objects.requireNonNull(teacher, "teacher");
    this.data = Objects.requireNonNull(data, "data");
    this.folder = Objects.requireNonNull(folder, "folder");
  }

  /**
   * What became of it.
   *
   * @param teacher the teacher on the held-out rows
   * @param stages what each stage came to, in order
   * @param student the finished student on the held-out rows
   * @param folder where the student is, in Hugging Face style
   */
  public record Result(
      Evaluation teacher, List<StageResult> stages, Evaluation student, Path folder) {}

  /**
   * Begins with its places, all on the local disk.
   *
   * @param teacher a Hugging Face folder of a Phi model
   * @param data a data set as the prepare command writes it
   * @param folder where checkpoints and the student go; created
   */
  public static LocalDistillation of(Path teacher, Path data, Path folder) {
    return new LocalDistillation(teacher, data, folder);
  }

  /**
   * Adds a stage with the defaults of the configuration file: mixers alone are trained in stages
   * {@code MATRIX} and {@code HIDDEN}, all weights in {@code DISTILL}.
   *
   * @param tokens to train on, rounded up to whole steps
   * @param batchTokens tokens of an update, a multiple of the data set's row length
   */
  public LocalDistillation stage(
      StageKind kind, long tokens, long batchTokens, double learningRate) {
    return stage(
        new StageSettings(
            kind,
            tokens,
            batchTokens,
            0,
            learningRate,
            0.1,
            0.1,
            0.1,
            0.9,
            0.95,
            1e-8,
            1.0,
            kind == StageKind.DISTILL ? TrainedParts.ALL : TrainedParts.MIXERS,
            HiddenTarget.MIXER,
            false));
  }

  /** Adds a stage. Stages are trained in the order in which they are added. */
  public LocalDistillation stage(StageSettings stage) {
    stages.add(Objects.requireNonNull(stage, "stage"));
    return this;
  }

  /** Sets the architecture of the student. */
  public LocalDistillation student(StudentSettings settings) {
    student = Objects.requireNonNull(settings, "student");
    return this;
  }

  /** Sets what to compute on and in. */
  public LocalDistillation on(DeviceKind kind, ElementType elementType) {
    device = Objects.requireNonNull(kind, "device");
    type = Objects.requireNonNull(elementType, "element type");
    return this;
  }

  /** Sets the seed of the sample order and of the student's initialisation. */
  public LocalDistillation seed(long value) {
    seed = value;
    return this;
  }

  /** Sets the updates between two checkpoints. */
  public LocalDistillation checkpointEvery(int steps) {
    checkpointSteps = steps;
    return this;
  }

  /** Sets the threads of the tensor operations. */
  public LocalDistillation threads(int count) {
    threads = count;
    return this;
  }

  /** Sets who hears of each step and of each checkpoint, on the thread that trains. */
  public LocalDistillation listener(TrainingListener hearer) {
    listener = Objects.requireNonNull(hearer, "listener");
    return this;
  }

  /**
   * Trains the stages, or what is left of them, and writes the student.
   *
   * @throws IllegalStateException if there is no stage
   * @throws io.sparkhawk.data.error.SparkhawkException if it cannot go on; what was published stays
   */
  public Result run() {
    if (stages.isEmpty()) {
      throw new IllegalStateException("a distillation needs at least one stage");
    }
    Collective alone = SingleProcess.create();
    TrainingPlan plan = plan();
    Evaluation ofTeacher = ModelTasks.evaluateTeacher(plan, alone);
    List<StageResult> results = new ArrayList<>();
    TrainingPlan last = plan;
    for (int i = 0; i < stages.size(); i++) {
      last = plan.atStage(i);
      results.add(StageTrainer.train(last, alone, listener));
    }
    ModelTasks.export(last, alone);
    return new Result(
        ofTeacher,
        List.copyOf(results),
        ModelTasks.evaluateStudent(last, alone),
        folder.resolve(ModelTasks.STUDENT_FOLDER));
  }

  private TrainingPlan plan() {
    Path absolute = folder.toAbsolutePath().normalize();
    return new TrainingPlan(
        String.valueOf(absolute.getFileName()),
        uri(absolute),
        uri(teacher),
        uri(data),
        seed,
        1_000_000_000,
        device,
        type,
        ParallelSettings.DEFAULT,
        student,
        stages,
        0,
        new CheckpointSettings(checkpointSteps, 2, true),
        new EvaluationSettings(20_000, 0, 8),
        Map.of(),
        absolute.resolve("cache").toString(),
        1_000_000_000,
        threads);
  }

  private static String uri(Path path) {
    return path.toAbsolutePath().normalize().toUri().toString();
  }
}
