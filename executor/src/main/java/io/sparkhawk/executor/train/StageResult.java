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
 */
public record StageResult(
    StageKind stage,
    long tokens,
    double firstLoss,
    double lastLoss,
    double seconds,
    Evaluation before,
    Evaluation after)
    implements Serializable {}
