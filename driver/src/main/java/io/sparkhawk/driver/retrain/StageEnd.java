package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.run.RunFolder;
import io.sparkhawk.executor.stage.StageKind;
import java.util.Arrays;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

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

  /**
   * Reads the settings of the run.
   *
   * @throws io.sparkhawk.data.error.DataException if there is no such run
   * @throws ConfigurationException if it has no such stage
   */
  RunConfig configuration(Configuration hadoop) {
    RunConfig settings = configuration(hadoop, run);
    if (settings.stages().stream().noneMatch(trained -> trained.name() == stage)) {
      throw new ConfigurationException(
          "warm-start is %s, but the stages of this run are %s."
              .formatted(
                  this,
                  settings.stages().stream().map(trained -> trained.name().label()).toList()));
    }
    return settings;
  }

  /** The settings of the run in a folder. */
  static RunConfig configuration(Configuration hadoop, String run) {
    Path folder = Storage.path(run);
    return RunFolder.configuration(Storage.of(hadoop, folder), folder);
  }

  @Override
  public String toString() {
    return stage.label() + AT + run;
  }
}
