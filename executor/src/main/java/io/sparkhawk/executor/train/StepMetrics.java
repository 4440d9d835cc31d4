package io.sparkhawk.executor.train;

import io.sparkhawk.executor.stage.StageKind;
import java.io.Serializable;
import java.util.List;

/**
 * What one training step was like, over all ranks.
 *
 * @param stage the stage
 * @param step number of this update in its stage, from 1
 * @param steps updates that the stage makes in all
 * @param tokens tokens of this stage that were trained on so far, this step's included
 * @param loss mean loss of the step's global batch (of all blocks, in stages 1 and 2)
 * @param blockLosses loss of each block in stages 1 and 2 (NaN where attention is kept); empty in
 *     stage 3
 * @param gradientNorm norm of the gradient before clipping
 * @param learningRate learning rate of this update
 * @param computeSeconds time of this rank's forward and backward passes
 * @param waitSeconds time that this rank waited for the others' gradients
 * @param dataSeconds time that this rank waited for its samples
 * @param checkpointSeconds time that this rank's training stood still after the update for the sake
 *     of checkpoints: copying its state, and waiting for a save to end
 * @param seconds time of the whole step
 * @param skippedSteps steps of the stage so far, this one included, whose update was left out
 *     because their loss or gradient was not finite
 */
public record StepMetrics(
    StageKind stage,
    long step,
    long steps,
    long tokens,
    double loss,
    List<Double> blockLosses,
    double gradientNorm,
    double learningRate,
    double computeSeconds,
    double waitSeconds,
    double dataSeconds,
    double checkpointSeconds,
    double seconds,
    long skippedSteps)
    implements Serializable {

  public StepMetrics {
    blockLosses = List.copyOf(blockLosses);
  }

  /** A step of a stage in which every update was applied, after which training did not stall. */
  public StepMetrics(
      StageKind stage,
      long step,
      long steps,
      long tokens,
      double loss,
      List<Double> blockLosses,
      double gradientNorm,
      double learningRate,
      double computeSeconds,
      double waitSeconds,
      double dataSeconds,
      double seconds) {
    this(
        stage,
        step,
        steps,
        tokens,
        loss,
        blockLosses,
        gradientNorm,
        learningRate,
        computeSeconds,
        waitSeconds,
        dataSeconds,
        0,
        seconds,
        0);
  }

  /** The same step, before which training stood still for so long for the sake of checkpoints. */
  StepMetrics stalled(double checkpoints) {
    return new StepMetrics(
        stage,
        step,
        steps,
        tokens,
        loss,
        blockLosses,
        gradientNorm,
        learningRate,
        computeSeconds,
        waitSeconds,
        dataSeconds,
        checkpointSeconds + checkpoints,
        seconds + checkpoints,
        skippedSteps);
  }
}
