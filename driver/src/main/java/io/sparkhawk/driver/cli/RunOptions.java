package io.sparkhawk.driver.cli;

import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.executor.stage.StageKind;
import java.util.List;
import picocli.CommandLine.Option;

/** The options that change a run's configuration for one start of it. */
final class RunOptions {

  @Option(
      names = "--workers",
      paramLabel = "N",
      description = "Executor processes that train together; the same as --set workers=N.")
  String workers;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "Replace one setting of the configuration, for example"
              + " --set stages[0].learning-rate=1e-3. May be repeated.")
  List<String> assignments = List.of();

  @Option(
      names = "--stages",
      paramLabel = "STAGE",
      split = ",",
      converter = StageChoice.class,
      description = "Train only these of the configuration's stages: matrix, hidden, distill.")
  List<StageKind> stages = List.of();

  void applyTo(ConfigReader reader) {
    assignments.forEach(reader::set);
    if (workers != null) {
      reader.put("workers", workers, "--workers");
    }
  }
}
