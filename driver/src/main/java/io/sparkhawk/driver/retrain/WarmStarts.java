package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.registry.ModelRegistry;
import io.sparkhawk.driver.registry.ModelVersion;
import io.sparkhawk.executor.stage.StageKind;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Finds what a round starts from, by what the configuration says of it. */
final class WarmStarts {

  private final Configuration hadoop;
  private final ModelRegistry registry;

  WarmStarts(Configuration hadoop, ModelRegistry registry) {
    this.hadoop = hadoop;
    this.registry = registry;
  }

  /**
   * The folder of a student, the text of a {@link StageEnd}, or empty for the teacher.
   *
   * @param named the setting {@code warm-start}
   * @throws ConfigurationException if it names a stage that the run has not, or that no run has
   *     trained which the student in production came from
   */
  String of(String named) {
    return switch (named) {
      case RetrainConfig.TEACHER -> "";
      case RetrainConfig.PRODUCTION -> production();
      default -> StageEnd.stage(named).map(this::endOf).orElseGet(() -> given(named));
    };
  }

  /** Refused before a round begins with it. */
  private String given(String place) {
    StageEnd.parse(place).ifPresent(end -> end.configuration(hadoop));
    return place;
  }

  private String production() {
    return registry.production().map(ModelVersion::model).orElse("");
  }

  /**
   * The newest end of the stage among the runs that the student in production came from, each from
   * the student of the one before.
   */
  private String endOf(StageKind wanted) {
    if (registry.production().isEmpty()) {
      return "";
    }
    for (String student = production(); !student.isEmpty(); ) {
      Optional<StageEnd> end = StageEnd.parse(student);
      String run = end.isPresent() ? end.get().run() : folderOf(student);
      RunConfig settings = StageEnd.configuration(hadoop, run);
      if (stagesUpTo(end, settings).contains(wanted)) {
        return new StageEnd(wanted, run).toString();
      }
      student = startOf(run, settings);
    }
    throw new ConfigurationException(
        "warm-start is %s, but none of the runs that the student in production came from has trained this stage. Name another stage, a folder, or %s."
            .formatted(wanted.label(), RetrainConfig.PRODUCTION));
  }

  /** The run that a student is in. */
  private static String folderOf(String student) {
    return new Path(student).getParent().toString();
  }

  /** The stages that have made a student: all of its run, or those up to the end that it is. */
  private static List<StageKind> stagesUpTo(Optional<StageEnd> end, RunConfig run) {
    return run.stages().stream()
        .map(stage -> stage.name())
        .filter(stage -> end.isEmpty() || stage.compareTo(end.get().stage()) <= 0)
        .toList();
  }

  /** What a run started from, in the words of its version if it is that of a round. */
  private String startOf(String run, RunConfig settings) {
    return registry.versions().stream()
        .filter(version -> folderOf(version.model()).equals(run))
        .map(version -> version.lineage().warmStart())
        .findFirst()
        .orElse(settings.warmStart().orElse(""));
  }
}
