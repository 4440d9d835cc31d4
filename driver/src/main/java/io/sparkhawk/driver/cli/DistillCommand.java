package io.sparkhawk.driver.cli;

import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.RunConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sparkhawk distill}: a run by its configuration file. */
@Command(
    name = "distill",
    description = {
      "Train a student by the stages of a configuration file, and write it with its report.",
      "",
      "A run that was interrupted continues from its newest checkpoint when it is started again.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  sparkhawk distill --config run.yaml",
      "  sparkhawk distill --config run.yaml --workers 4 --set storage=s3a://bucket/runs",
      "  sparkhawk distill --config run.yaml --stages distill --set run=stage-3-alone",
      "",
      "docs/configuration.md has all settings of the file; 'sparkhawk reference' prints them."
    })
final class DistillCommand implements Runnable {

  private final Jobs jobs;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      required = true,
      description = "The run's YAML file.")
  private String config;

  @Mixin private RunOptions options;

  DistillCommand(Jobs jobs) {
    this.jobs = jobs;
  }

  @Override
  public void run() {
    ConfigReader reader = ConfigReader.at(config);
    options.applyTo(reader);
    RunConfig run = reader.read(RunConfig.class, RunConfig::check);
    jobs.distill(options.stages.isEmpty() ? run : run.withStages(options.stages));
  }
}
