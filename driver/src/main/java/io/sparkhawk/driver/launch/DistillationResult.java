package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a distillation came to.
 *
 * @param teacher the teacher on the held-out rows
 * @param stages the stages in their order, those of earlier sessions too
 * @param student the finished student on the same rows
 * @param comparison teacher and student side by side; empty if the comparison failed
 * @param duration time of this session, with start-up, evaluation and export
 */
public record DistillationResult(
    Evaluation teacher,
    List<StageResult> stages,
    Evaluation student,
    Optional<ModelComparison> comparison,
    Duration duration) {

  public DistillationResult {
    Objects.requireNonNull(teacher, "teacher");
    stages = List.copyOf(stages);
    Objects.requireNonNull(student, "student");
    Objects.requireNonNull(comparison, "comparison");
    Objects.requireNonNull(duration, "duration");
  }
}
