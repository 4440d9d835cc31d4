package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.checkpoint.BufferRange;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.ModelFolder;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.LocalDevice;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.FlatParameters.Fragment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;

/** The teacher of a run, and its student as the stages have left it. */
final class RunModels {

  private final TrainingPlan plan;
  private final Configuration hadoop;
  private final Path teacherFolder;
  private final CheckpointStore checkpoints;
  private final Device device;
  private final ElementType type;

  private RunModels(
      TrainingPlan plan,
      Configuration hadoop,
      CheckpointStore checkpoints,
      Device device,
      ElementType type) {
    this.plan = plan;
    this.hadoop = hadoop;
    this.teacherFolder =
        ModelFolder.local(hadoop, plan.teacherFolder(), Path.of(plan.localCache()));
    this.checkpoints = checkpoints;
    this.device = device;
    this.type = type;
  }

  /** The models as they are trained. */
  static RunModels forTraining(
      TrainingPlan plan, Configuration hadoop, CheckpointStore checkpoints) {
    return new RunModels(
        plan, hadoop, checkpoints, LocalDevice.of(plan.device()), plan.elementType());
  }

  /** The models on the host, in the type that weights are kept in: nothing is rounded. */
  static RunModels exact(TrainingPlan plan, Configuration hadoop, CheckpointStore checkpoints) {
    return new RunModels(
        plan, hadoop, checkpoints, Device.cpu(), plan.elementType().accumulationType());
  }

  Path teacherFolder() {
    return teacherFolder;
  }

  LanguageModel teacher() {
    return Models.loadTeacher(teacherFolder, device, type);
  }

  StudentConfig studentConfig() {
    return StudentConfig.of(PhiConfig.read(teacherFolder), plan.student());
  }

  /**
   * How the workers train together; called by all ranks of the collective.
   *
   * @param oneMicroBatch whether each worker computes its whole share of a step at once
   */
  Parallelism parallelism(boolean oneMicroBatch, Collective collective) {
    return Parallelism.choose(plan.parallel(), device, type, oneMicroBatch, collective);
  }

  /**
   * Plans the memory of the plan's stage on this worker's GPU.
   *
   * @param sequences of the largest micro-batch
   * @param length positions of a sequence
   * @param parallelism how the work is shared with other workers
   * @return empty on a CPU
   * @throws io.sparkhawk.data.error.ConfigurationException if the GPU's memory is too small
   */
  Optional<PlannedMemory> planMemory(int sequences, int length, Parallelism parallelism) {
    StageSettings stage = plan.stage();
    return PlannedMemory.on(
        device,
        new MemoryPlan.Workload(
            PhiConfig.read(teacherFolder),
            studentConfig(),
            stage.name(),
            stage.target(),
            stage.train(),
            stage.recompute(),
            sequences,
            length,
            type,
            true,
            parallelism));
  }

  /**
   * The student after the first {@code stages} stages of the run: its initialisation, or the
   * student that the plan starts from, with the weights of their published ends put over it, in
   * order.
   *
   * @throws io.sparkhawk.data.error.SparkhawkException if one of these ends is not published
   */
  LanguageModel student(LanguageModel teacher, int stages) {
    LanguageModel student = startOf(teacher);
    try {
      for (StageSettings stage : plan.stages().subList(0, stages)) {
        putBack(student, stage, checkpoints.requireCompleted(stage.name().label()));
      }
      return student;
    } catch (RuntimeException | Error e) {
      student.close();
      throw e;
    }
  }

  private LanguageModel startOf(LanguageModel teacher) {
    return plan.warmStart().isEmpty()
        ? Models.newStudent(
            teacher, studentConfig(), plan.seed(), plan.student().initialiseFromAttention())
        : warmStart(device, type);
  }

  /** The student that the plan starts from, which must be of the plan's architecture. */
  private LanguageModel warmStart(Device on, ElementType as) {
    Path folder = warmStartFolder();
    StudentConfig found = StudentConfig.read(folder);
    StudentConfig wanted = studentConfig();
    if (!found.toJson().equals(wanted.toJson())) {
      throw new ConfigurationException(
          "The student in %s, from which training is to start, is %s; teacher and student settings ask for %s. Name another student, or the settings of this one."
              .formatted(plan.warmStart(), found, wanted));
    }
    return Models.loadStudent(folder, found, on, as);
  }

  private Path warmStartFolder() {
    return ModelFolder.local(hadoop, plan.warmStart(), Path.of(plan.localCache()));
  }

  /** Puts the weights of a published end into the student's tensors. */
  private void putBack(LanguageModel student, StageSettings stage, CheckpointManifest end) {
    List<Fragment> whole =
        student.parameters().stream()
            .map(
                parameter ->
                    new Fragment(
                        parameter.name(),
                        new FlatLayout.Range(0, parameter.size()),
                        parameter.value()))
            .toList();
    putBack(student, stage, end, whole);
  }

  /**
   * Puts the weights of the first {@code stages} stages' ends, as they were published, into the
   * values that this worker trains: the student may have held them rounded.
   */
  void putBackExactly(LanguageModel student, FlatParameters parameters, int stages) {
    if (!plan.warmStart().isEmpty()) {
      putBackWarmStart(parameters);
    }
    for (StageSettings stage : plan.stages().subList(0, stages)) {
      CheckpointManifest end = checkpoints.requireCompleted(stage.name().label());
      try (TensorScope scope = TensorScope.open()) {
        putBack(student, stage, end, parameters.fragments());
      }
    }
    parameters.publish();
  }

  private void putBackWarmStart(FlatParameters parameters) {
    try (LanguageModel exact = warmStart(Device.cpu(), type.accumulationType());
        TensorScope scope = TensorScope.open()) {
      Map<String, NDArray> weights =
          exact.parameters().stream()
              .collect(Collectors.toMap(Parameter::name, p -> Operators.reshape(p.value(), -1)));
      for (Fragment fragment : parameters.fragments()) {
        NDArray whole = weights.get(fragment.name());
        Operators.copy(FlatParameters.narrow(whole, fragment.range()), fragment.values());
      }
    }
  }

  private void putBack(
      LanguageModel student, StageSettings stage, CheckpointManifest end, List<Fragment> targets) {
    Map<String, FlatLayout.Range> stored =
        FlatLayout.of(TrainedParameters.of(student, stage.name(), stage.train(), stage.target()))
            .parameters();
    List<Fragment> found =
        targets.stream().filter(target -> stored.containsKey(target.name())).toList();
    HostMemory.fill(
        found.stream().map(Fragment::values).toList(),
        StageState.typeOf(end),
        memory -> {
          List<BufferRange> ranges = new ArrayList<>();
          for (int i = 0; i < found.size(); i++) {
            Fragment target = found.get(i);
            long first = stored.get(target.name()).first() + target.range().first();
            for (HostMemory.Part part : memory.get(i)) {
              ranges.add(
                  new BufferRange(StageState.PARAMETERS, first + part.first(), part.bytes()));
            }
          }
          checkpoints.load(end, ranges);
        });
  }
}
