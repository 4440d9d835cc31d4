package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import java.util.Optional;

/**
 * Hears what happens in a distillation, always on the thread that runs it. What it throws ends the
 * run.
 */
public interface RunListener extends SupervisionListener {

  /** The teacher was measured; no stage has started in this session. */
  void teacherEvaluated(Evaluation teacher);

  /**
   * A stage is about to be trained, from its beginning or from its newest checkpoint.
   *
   * @param number the stage's place in the run, from 1
   * @param stages stages of the run
   */
  void stageStarted(StageSettings stage, int number, int stages);

  /** A stage was found finished by an earlier session and is not trained again. */
  void stageSkipped(StageResult result);

  /** A stage was trained to its end. */
  void stageEnded(StageResult result);

  /** The finished student was written and measured. */
  void studentEvaluated(Evaluation student);

  /**
   * The finished student could not be compared with its teacher. The run goes on and is done
   * without the comparison.
   */
  default void comparisonFailed(RuntimeException failure) {}

  /**
   * The run is over, and its workers are about to be given back. Must not throw.
   *
   * @param failure what it failed with; empty if all of it was done
   */
  default void runEnded(Optional<RuntimeException> failure) {}
}
