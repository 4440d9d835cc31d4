package io.sparkhawk.executor.checkpoint;

import java.io.Serializable;
import java.util.regex.Pattern;

/**
 * How far a run had come.
 *
 * @param stage name of the stage: lower-case letters, digits and hyphens
 * @param step updates of this stage that were made
 * @param stageComplete whether the stage is over
 * @param optimizerStep updates that the optimizer counted; fewer than {@code step} if some were
 *     skipped
 * @param nextSample the global sample that comes next; it fits any world size
 */
public record CheckpointPosition(
    String stage, long step, boolean stageComplete, long optimizerStep, long nextSample)
    implements Serializable {

  private static final Pattern STAGE = Pattern.compile("[a-z][a-z0-9-]{0,63}");

  public CheckpointPosition {
    if (!STAGE.matcher(stage).matches()) {
      throw new IllegalArgumentException("stage %s is not a name".formatted(stage));
    }
    if (step < 0 || optimizerStep < 0 || nextSample < 0) {
      throw new IllegalArgumentException(
          "step %d, optimizer step %d and next sample %d must not be negative"
              .formatted(step, optimizerStep, nextSample));
    }
  }

  String folderName() {
    return stage + "-" + step;
  }
}
