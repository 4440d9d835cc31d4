package io.sparkhawk.executor.train;

import ai.djl.Device;
import io.sparkhawk.executor.checkpoint.BufferRange;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.ModelFolder;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.tensor.HostMemory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/** The teacher of a run, and its student as the stages have left it. */
final class RunModels {

  private final TrainingPlan plan;
  private final Path teacherFolder;
  private final CheckpointStore checkpoints;
  private final Device device;

  RunModels(TrainingPlan plan, Configuration hadoop, CheckpointStore checkpoints) {
    this.plan = plan;
    this.teacherFolder =
        ModelFolder.local(hadoop, plan.teacherFolder(), Path.of(plan.localCache()));
    this.checkpoints = checkpoints;
    this.device = plan.device().device(0);
  }

  Path teacherFolder() {
    return teacherFolder;
  }

  LanguageModel teacher() {
    return Models.loadTeacher(teacherFolder, device, plan.elementType());
  }

  StudentConfig studentConfig() {
    return StudentConfig.of(PhiConfig.read(teacherFolder), plan.student());
  }

  /**
   * The student after the first {@code stages} stages of the run: its initialisation with the
   * weights of their published ends put over it, in order.
   *
   * @throws io.sparkhawk.data.error.SparkhawkException if one of these ends is not published
   */
  LanguageModel student(LanguageModel teacher, int stages) {
    LanguageModel student =
        Models.newStudent(
            teacher, studentConfig(), plan.seed(), plan.student().initialiseFromAttention());
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

  private void putBack(LanguageModel student, StageSettings stage, CheckpointManifest end) {
    List<List<Parameter>> trained =
        TrainedParameters.of(student, stage.name(), stage.train(), stage.target());
    FlatLayout layout = FlatLayout.of(trained);
    List<Parameter> parameters = trained.stream().flatMap(List::stream).toList();
    HostMemory.fill(
        parameters.stream().map(Parameter::value).toList(),
        buffers -> {
          List<BufferRange> ranges = new ArrayList<>();
          for (int i = 0; i < buffers.size(); i++) {
            long first = layout.parameters().get(parameters.get(i).name()).first();
            ranges.add(new BufferRange(StageState.PARAMETERS, first, buffers.get(i)));
          }
          checkpoints.load(end, ranges);
        });
  }
}
