package io.sparkhawk.driver.retrain;

import io.sparkhawk.executor.stage.StageKind;
import java.util.Arrays;
import java.util.Optional;

/**
 * A student as a stage of a run has left it, for training to start from. Its text is {@code
 * hidden@s3a://bucket/runs/first}.
 *
 * @param run folder of the run
 */
record StageEnd(StageKind stage, String run) {

  private static final String AT = "@";

  /** The end of a stage that this text names; nothing if it is the folder of a student. */
  static Optional<StageEnd> parse(String text) {
    int at = text.indexOf(AT);
    return at < 0
        ? Optional.empty()
        : stage(text.substring(0, at))
            .map(stage -> new StageEnd(stage, text.substring(at + AT.length())));
  }

  /** The stage of this name, if there is one. */
  static Optional<StageKind> stage(String label) {
    return Arrays.stream(StageKind.values())
        .filter(stage -> stage.label().equals(label))
        .findFirst();
  }

  @Override
  public String toString() {
    return stage.label() + AT + run;
  }
}
