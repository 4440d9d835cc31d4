package io.sparkhawk.executor.stage;

import io.sparkhawk.executor.model.LanguageModel;

/** Makes the objective of a stage. */
public final class Objectives {

  private Objectives() {}

  /**
   * The objective of {@code stage} for this pair of models.
   *
   * @param target what stage 2 compares
   * @param recompute whether stage 3 recomputes blocks in its backward pass
   */
  public static Objective of(
      StageKind stage,
      HiddenTarget target,
      LanguageModel teacher,
      LanguageModel student,
      boolean recompute) {
    return switch (stage) {
      case MATRIX -> new MatrixObjective(teacher, student);
      case HIDDEN -> new HiddenObjective(teacher, student, target);
      case DISTILL -> new DistillObjective(teacher, student, recompute);
    };
  }

  /**
   * Positions whose logits over the vocabulary stage 3 holds at a time.
   *
   * @param kernels whether there are kernels for the type and device of the models
   */
  public static long logitRows(long vocabulary, boolean kernels) {
    return HeadLoss.rowsAtOnce(vocabulary, kernels);
  }
}
