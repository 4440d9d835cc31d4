package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.ConfigReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sparkhawk prepare}: documents to a data set. */
@Command(
    name = "prepare",
    description = {
      "Tokenise documents and pack them into rows of equal length: the data set of a run.",
      "",
      "A second start with the same settings does nothing, an interrupted one is continued, and a"
          + " folder with other settings is refused.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  sparkhawk prepare --input 'corpus/*.jsonl.gz' --teacher phi-1_5 --output data",
      "  sparkhawk prepare --input train.parquet --validation valid.parquet --text-column body \\",
      "      --teacher phi-1_5 --output data --seq-len 1024"
    })
final class PrepareCommand implements Runnable {

  private final Jobs jobs;

  @Spec private CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "YAML file with the options below as keys; options given here replace them.")
  private String config;

  PrepareCommand(Jobs jobs) {
    this.jobs = jobs;
  }

  @Override
  public void run() {
    ConfigReader reader =
        config == null ? ConfigReader.ofDefaults("prepare") : ConfigReader.at(config);
    jobs.prepare(
        SettingOptions.given(spec, PrepareSettings.class, reader).read(PrepareSettings.class));
  }
}
