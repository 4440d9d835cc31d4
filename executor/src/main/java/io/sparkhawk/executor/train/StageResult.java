package io.sparkhawk.executor.train;

import io.sparkhawk.executor.stage.StageKind;
import java.io.Serializable;

/**
 * What a stage came to.
 *
 * @param stage the stage
 * @param tokens tokens trained on
 * @param firstLoss loss of the stage's first step
 * @param lastLoss mean loss of the stage's last steps (the last tenth, at least one)
 * @param seconds training time, without start-up, evaluation and checkpoints
 * @param before what the student was like when the stage began
 * @param after what the student was like when the stage ended
 * @param skippedSteps steps whose update was left out because their loss or gradient was not finite
 * @param sentBytes bytes that a worker sent to the next one in the ring during the steps, in the
 *     mean of the workers; what NCCL carries between GPUs is not among them
 */
public record StageResult(
    StageKind stage,
    long tokens,
    double firstLoss,
    double lastLoss,
    double seconds,
    Evaluation before,
    Evaluation after,
    long skippedSteps,
    long sentBytes)
    implements Serializable {

  /** Of a stage in which every update was applied, and nothing was sent. */
  public StageResult(
      StageKind stage,
      long tokens,
      double firstLoss,
      double lastLoss,
      double seconds,
      Evaluation before,
      Evaluation after) {
    this(stage, tokens, firstLoss, lastLoss, seconds, before, after, 0, 0);
  }
}
