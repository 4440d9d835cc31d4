package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.TrainingPlan;
import java.util.Optional;

/** What a run's folder knows of the run, over all its sessions. */
public interface RunRecord {

  /**
   * Checks everything that can be checked before there are workers: the teacher, the data set, how
   * they fit together, and that the folder belongs to this run and can be written.
   */
  void check(TrainingPlan plan);

  /**
   * Takes the run for this process until the hold is closed.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if another process holds it
   */
  RunHold hold();

  /** The result of the plan's stage, if its end is published. */
  Optional<StageResult> finished(TrainingPlan plan);

  /** Keeps the result of a stage whose end is published. */
  void stageEnded(StageResult result);

  /** Writes what a person reads: summary, report and the student's card. */
  void runEnded(DistillationResult result);
}
