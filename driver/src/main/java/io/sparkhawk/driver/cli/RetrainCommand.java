package io.sparkhawk.driver.cli;

import io.sparkhawk.driver.config.RetrainConfig;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sparkhawk retrain}: one start of scheduled retraining. */
@Command(
    name = "retrain",
    description = {
      "Train the student in production on what is new in a corpus, and put the result into"
          + " production if it is good enough.",
      "",
      "Made to be started by a scheduler, again and again: a round that was interrupted is"
          + " finished, missed ones are caught up, and where nothing is new nothing is done.",
      ""
    },
    footer = {
      "",
      "Exit codes: 0 a round has ended, promoted or not, or nothing is new; 4 start it again,"
          + " later; 2, 3 and 5 a person must look at it first.",
      "",
      "Examples:",
      "  sparkhawk retrain --config retrain.yaml",
      "  sparkhawk retrain --config retrain.yaml --set gates.perplexity-percent=0",
      "  sparkhawk retrain --config retrain.yaml --abandon",
      "",
      "docs/retraining.md says how it works; docs/configuration.md has all settings of the file."
    })
final class RetrainCommand implements Runnable {

  private final Jobs jobs;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      required = true,
      description = "The YAML file of the retraining.")
  private String config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Replace one setting of the configuration. May be repeated.")
  private List<String> assignments = List.of();

  @Option(
      names = "--abandon",
      description =
          "Give up the round that was begun and has not ended, for good: its data is never trained"
              + " on.")
  private boolean abandon;

  RetrainCommand(Jobs jobs) {
    this.jobs = jobs;
  }

  @Override
  public void run() {
    RetrainConfig settings = RetrainConfig.read(config, assignments);
    if (abandon) {
      jobs.abandonRound(settings);
    } else {
      jobs.retrain(settings);
    }
  }
}
