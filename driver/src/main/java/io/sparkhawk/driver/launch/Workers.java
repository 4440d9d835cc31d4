package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.TrainingPlan;

/**
 * What a distillation asks of its workers. Each call blocks until all workers are done; failures
 * that starting again does not mend are thrown.
 */
public interface Workers extends AutoCloseable {

  /** Measures the teacher on the held-out rows. */
  Evaluation evaluateTeacher(TrainingPlan plan, SupervisionListener listener);

  /** Trains the plan's stage from its newest checkpoint, or from the end of the stage before it. */
  StageResult train(TrainingPlan plan, SupervisionListener listener);

  /** Writes the student of the end of the plan's stage into the run's folder. */
  void export(TrainingPlan plan, SupervisionListener listener);

  /** Measures the student that {@link #export} wrote on the held-out rows. */
  Evaluation evaluateStudent(TrainingPlan plan, SupervisionListener listener);

  /**
   * Compares the teacher with the student that {@link #export} wrote. One worker does it, once: no
   * failure makes it start again, since nothing that follows needs it.
   */
  ModelComparison compare(TrainingPlan plan, SupervisionListener listener);

  /** Gives the workers back. */
  @Override
  void close();
}
