package io.sparkhawk.executor.train;

import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;

/**
 * Everything that a worker must know to train one stage of a run. The driver makes one per stage;
 * every rank gets the same.
 *
 * @param run name of the run
 * @param runFolder URI of {@code <storage>/<run>}, where checkpoints and results go
 * @param teacherFolder URI of the teacher's Hugging Face folder
 * @param dataFolder URI of the prepared data set
 * @param seed seed of the sample order and of the student's initialisation
 * @param shuffleBlock tokens of the data set among which samples are shuffled
 * @param device what the workers compute on
 * @param elementType what the workers compute in; master weights and optimizer state are float32
 *     whatever it is, except that float64 keeps them in float64
 * @param parallel how the workers share the work of an update
 * @param student architecture of the student
 * @param stages all stages of the run, in order
 * @param stageIndex position in {@code stages} of the stage to train
 * @param checkpoints how often to save and how much to keep
 * @param evaluation how much to measure before and after the stage
 * @param hadoop settings of the Hadoop file systems beyond their defaults; may hold credentials
 * @param localCache folder on the worker's own disk for shards that are not local
 * @param localCacheBytes what shards in the local cache may take
 * @param threadsPerWorker threads of each worker's tensor operations
 * @param warmStart URI of the folder of the student that the first stage starts from; empty if it
 *     starts from the teacher
 */
public record TrainingPlan(
    String run,
    String runFolder,
    String teacherFolder,
    String dataFolder,
    long seed,
    long shuffleBlock,
    DeviceKind device,
    ElementType elementType,
    ParallelSettings parallel,
    StudentSettings student,
    List<StageSettings> stages,
    int stageIndex,
    CheckpointSettings checkpoints,
    EvaluationSettings evaluation,
    Map<String, String> hadoop,
    String localCache,
    long localCacheBytes,
    int threadsPerWorker,
    String warmStart)
    implements Serializable {

  public TrainingPlan {
    Objects.requireNonNull(run, "run");
    Objects.requireNonNull(runFolder, "runFolder");
    Objects.requireNonNull(teacherFolder, "teacherFolder");
    Objects.requireNonNull(dataFolder, "dataFolder");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(elementType, "elementType");
    Objects.requireNonNull(parallel, "parallel");
    Objects.requireNonNull(student, "student");
    stages = List.copyOf(stages);
    Objects.checkIndex(stageIndex, stages.size());
    Objects.requireNonNull(checkpoints, "checkpoints");
    Objects.requireNonNull(evaluation, "evaluation");
    hadoop = Map.copyOf(hadoop);
    Objects.requireNonNull(localCache, "localCache");
    if (threadsPerWorker < 1) {
      throw new IllegalArgumentException("threadsPerWorker must be positive: " + threadsPerWorker);
    }
    Objects.requireNonNull(warmStart, "warmStart");
  }

  /** A plan whose first stage starts from the teacher. */
  public TrainingPlan(
      String run,
      String runFolder,
      String teacherFolder,
      String dataFolder,
      long seed,
      long shuffleBlock,
      DeviceKind device,
      ElementType elementType,
      ParallelSettings parallel,
      StudentSettings student,
      List<StageSettings> stages,
      int stageIndex,
      CheckpointSettings checkpoints,
      EvaluationSettings evaluation,
      Map<String, String> hadoop,
      String localCache,
      long localCacheBytes,
      int threadsPerWorker) {
    this(
        run,
        runFolder,
        teacherFolder,
        dataFolder,
        seed,
        shuffleBlock,
        device,
        elementType,
        parallel,
        student,
        stages,
        stageIndex,
        checkpoints,
        evaluation,
        hadoop,
        localCache,
        localCacheBytes,
        threadsPerWorker,
        "");
  }

  /** The stage to train. */
  public StageSettings stage() {
    return stages.get(stageIndex);
  }

  /** The stage whose end this one starts from; empty for the run's first stage. */
  public Optional<StageSettings> previousStage() {
    return stageIndex == 0 ? Optional.empty() : Optional.of(stages.get(stageIndex - 1));
  }

  /**
   * Number of this stage's first global sample: the samples that all earlier stages take.
   *
   * @param rowLength tokens per sample
   */
  public long firstSample(int rowLength) {
    return samples(stages.subList(0, stageIndex), rowLength);
  }

  /**
   * Samples that all stages of the run take.
   *
   * @param rowLength tokens per sample
   */
  public long samples(int rowLength) {
    return samples(stages, rowLength);
  }

  private static long samples(List<StageSettings> stages, int rowLength) {
    return stages.stream()
        .mapToLong(stage -> stage.steps() * (stage.batchTokens() / rowLength))
        .sum();
  }

  /** Hadoop's defaults with the plan's settings over them. */
  public Configuration hadoopConfiguration() {
    return HadoopSettings.over(hadoop);
  }

  /** The same run at another of its stages. */
  public TrainingPlan atStage(int index) {
    return with(index, warmStart);
  }

  /** The same run with its first stage starting from the student in the folder of this URI. */
  public TrainingPlan warmStartedFrom(String studentFolder) {
    return with(stageIndex, studentFolder);
  }

  private TrainingPlan with(int otherStage, String otherWarmStart) {
    return new TrainingPlan(
        run,
        runFolder,
        teacherFolder,
        dataFolder,
        seed,
        shuffleBlock,
        device,
        elementType,
        parallel,
        student,
        stages,
        otherStage,
        checkpoints,
        evaluation,
        hadoop,
        localCache,
        localCacheBytes,
        threadsPerWorker,
        otherWarmStart);
  }

  /** Names the run and the stage only: the Hadoop settings may hold credentials. */
  @Override
  public String toString() {
    return "TrainingPlan[run=" + run + ", stage=" + stage().name() + "]";
  }
}
