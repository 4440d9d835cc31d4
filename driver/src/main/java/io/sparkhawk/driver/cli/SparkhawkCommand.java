package io.sparkhawk.driver.cli;

import io.sparkhawk.executor.logging.LogFormat;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command line's top: what holds for every command. */
@Command(
    name = "sparkhawk",
    description =
        "Distils a pretrained Transformer into a Mamba-2 student, as a distributed training run on"
            + " Spark.",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Exit codes: 0 done, 2 a setting is wrong, 3 data is wrong, 4 the infrastructure failed and"
          + " another try may help, 5 a person should look.",
      "",
      "Start with 'sparkhawk quickstart'; 'sparkhawk COMMAND --help' has examples."
    })
final class SparkhawkCommand {

  @Option(
      names = "--stacktrace",
      scope = ScopeType.INHERIT,
      description = "On a failure, print where in the program it happened.")
  boolean stacktrace;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Print what Spark and the libraries log.")
  boolean verbose;

  @Option(
      names = "--log-format",
      paramLabel = "FORMAT",
      scope = ScopeType.INHERIT,
      defaultValue = "${env:SPARKHAWK_LOG_FORMAT:-text}",
      description =
          "text, or json: then progress, logs and failures are JSON objects on standard error, one"
              + " on each line, with run, stage, step and rank. Default: SPARKHAWK_LOG_FORMAT, or text.")
  LogFormat logFormat;
}
