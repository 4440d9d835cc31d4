package io.sparkhawk.executor.train;

import io.sparkhawk.data.sample.RowSources;
import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.ModelFolder;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.StudentFiles;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.LocalDevice;
import io.sparkhawk.executor.tensor.Threads;
import java.nio.file.Path;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/** What workers do besides training: measure models and write the finished student. */
public final class ModelTasks {

  /** Folder of the finished student inside the run's folder. */
  public static final String STUDENT_FOLDER = "student";

  private ModelTasks() {}

  /** Measures the plan's teacher on the held-out rows; called by all ranks. */
  public static Evaluation evaluateTeacher(TrainingPlan plan, Collective collective) {
    return evaluate(EvaluationPlan.of(plan, plan.teacherFolder()), collective);
  }

  /** Measures the student that {@link #export} wrote; called by all ranks. */
  public static Evaluation evaluateStudent(TrainingPlan plan, Collective collective) {
    return evaluate(EvaluationPlan.of(plan, plan.runFolder() + "/" + STUDENT_FOLDER), collective);
  }

  /** Measures a teacher or a student on the held-out rows; called by all ranks. */
  public static Evaluation evaluate(EvaluationPlan plan, Collective collective) {
    Threads.limit(plan.threadsPerWorker());
    Configuration hadoop = HadoopSettings.over(plan.hadoop());
    Path cache = Path.of(plan.localCache());
    Path folder = ModelFolder.local(hadoop, plan.modelFolder(), cache);
    try (LanguageModel model =
            Models.load(folder, LocalDevice.of(plan.device()), plan.elementType());
        HeldOut heldOut =
            new HeldOut(
                TokenRows.open(
                    hadoop, plan.dataFolder(), Split.VALIDATION, cache, plan.localCacheBytes()),
                RowSources.open(hadoop, plan.dataFolder()),
                collective);
        Gradients paused = Gradients.pause()) {
      return heldOut.profiled(model, plan.tokens());
    }
  }

  /**
   * Writes the student of the published end of the plan's stage into the run's folder; called by
   * all ranks, rank 0 writes.
   */
  public static void export(TrainingPlan plan, Collective collective) {
    export(plan, plan.runFolder() + "/" + STUDENT_FOLDER, collective);
  }

  /**
   * Writes the student of the published end of the plan's stage; called by all ranks, rank 0
   * writes.
   *
   * @param folder URI of the folder that the student is written into
   */
  public static void export(TrainingPlan plan, String folder, Collective collective) {
    if (collective.rank() == 0) {
      Configuration hadoop = plan.hadoopConfiguration();
      RunModels models =
          RunModels.exact(plan, hadoop, CheckpointStore.open(hadoop, plan.runFolder()));
      org.apache.hadoop.fs.Path target = new org.apache.hadoop.fs.Path(folder);
      try (Gradients paused = Gradients.pause();
          LanguageModel teacher = models.teacher();
          LanguageModel student = models.student(teacher, plan.stageIndex() + 1)) {
        StudentFiles.write(
            student,
            models.studentConfig(),
            Storage.of(hadoop, target),
            target,
            models.teacherFolder(),
            Map.of("format", "pt", "run", plan.run()));
      }
    }
    collective.barrier();
  }
}
