package io.sparkhawk.executor.compare;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.ModelFolder;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.LocalDevice;
import io.sparkhawk.executor.tensor.Threads;
import io.sparkhawk.executor.train.HadoopSettings;
import java.nio.file.Path;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/** Compares a teacher with its student: matrices on a text, and what both write. */
public final class ComparisonTask {

  private ComparisonTask() {}

  /**
   * Compares in this process, which holds both models meanwhile.
   *
   * @throws ConfigurationException if the models have not what was chosen
   * @throws io.sparkhawk.data.error.SparkhawkException if models or data cannot be read
   */
  public static ModelComparison run(ComparisonPlan plan) {
    Threads.limit(plan.threadsPerWorker());
    Configuration hadoop = HadoopSettings.over(plan.hadoop());
    Path cache = Path.of(plan.localCache());
    Path teacherFolder = ModelFolder.local(hadoop, plan.teacherFolder(), cache);
    Path studentFolder = ModelFolder.local(hadoop, plan.studentFolder(), cache);
    PhiConfig teacherConfig = PhiConfig.read(teacherFolder);
    StudentConfig studentConfig = StudentConfig.read(studentFolder);
    checkAlike(plan, teacherConfig, studentConfig);
    ChosenMatrices chosen = ChosenMatrices.of(plan.choice(), studentConfig);
    try (Texts texts = Texts.open(plan, hadoop, teacherFolder, teacherConfig.vocabulary())) {
      int[] ids = texts.ids(longestSequence(teacherConfig, studentConfig));
      List<String> prompts = texts.prompts();
      try (Gradients paused = Gradients.pause();
          LanguageModel teacher =
              Models.loadTeacher(teacherFolder, LocalDevice.of(plan.device()), plan.elementType());
          LanguageModel student =
              Models.loadStudent(
                  studentFolder,
                  studentConfig,
                  LocalDevice.of(plan.device()),
                  plan.elementType())) {
        return new ModelComparison(
            texts.labels(ids),
            new MatrixPairs(teacher, student, chosen).on(ids),
            new Continuations(plan, teacher, student, texts).of(prompts));
      }
    }
  }

  /**
   * As {@link #run(ComparisonPlan)}, called by all ranks: rank 0 compares, the others wait for it.
   *
   * @return on rank 0 the comparison, on the others one without content
   */
  public static ModelComparison run(ComparisonPlan plan, Collective collective) {
    ModelComparison comparison =
        collective.rank() == 0 ? run(plan) : new ModelComparison(List.of(), List.of(), List.of());
    collective.barrier();
    return comparison;
  }

  private static void checkAlike(ComparisonPlan plan, PhiConfig teacher, StudentConfig student) {
    checkAlike(plan, "blocks", teacher.blocks(), student.blocks());
    checkAlike(plan, "heads", teacher.heads(), student.heads());
    checkAlike(plan, "as width", teacher.width(), student.width());
    checkAlike(plan, "ids in its vocabulary", teacher.vocabulary(), student.vocabulary());
  }

  private static void checkAlike(ComparisonPlan plan, String what, int teacher, int student) {
    if (teacher != student) {
      throw new ConfigurationException(
          "The student %s is not one of the teacher %s: it has %d %s, the teacher %d. Name the teacher that it was made of."
              .formatted(plan.studentFolder(), plan.teacherFolder(), student, what, teacher));
    }
  }

  /** A student that says 0 has no limit. */
  private static int longestSequence(PhiConfig teacher, StudentConfig student) {
    return student.maxPositions() == 0
        ? teacher.maxPositions()
        : Math.min(teacher.maxPositions(), student.maxPositions());
  }
}
