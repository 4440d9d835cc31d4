package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.RunConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sparkhawk quickstart}: the whole way on the data that comes with the program. */
@Command(
    name = "quickstart",
    description = {
      "Distil a small teacher on two cores in some minutes, with the data that comes along:"
          + " prepare, all three stages, evaluation, student and report.",
      ""
    },
    footer = {
      "",
      "With --stages the run has a name of its own, and its last stage gets the tokens of those that are"
          + " left out: results can be compared.",
      "",
      "Examples:",
      "  sparkhawk quickstart",
      "  sparkhawk quickstart --workers 1 --out /tmp/quickstart",
      "  sparkhawk quickstart --stages distill"
    })
final class QuickstartCommand implements Runnable {

  private static final List<String> SOURCES = List.of("postgresql-doc", "python-doc");

  private final Jobs jobs;
  private final Optional<Path> home;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      defaultValue = "runs",
      description = "Folder for the data set and the run. Default: ${DEFAULT-VALUE}.")
  private Path out;

  @Mixin private RunOptions options;

  /**
   * Makes the command.
   *
   * @param home the distribution's folder, in which the data lies
   */
  QuickstartCommand(Jobs jobs, Optional<Path> home) {
    this.jobs = jobs;
    this.home = home;
  }

  @Override
  public void run() {
    Path files = files();
    String data = out.resolve("quickstart-data").toString();
    RunConfig run = runConfig(files, data);
    jobs.prepare(prepareSettings(files, data));
    jobs.distill(run);
  }

  private Path files() {
    return home.map(folder -> folder.resolve("quickstart"))
        .filter(Files::isDirectory)
        .orElseThrow(
            () ->
                new ConfigurationException(
                    "The quickstart's data is not there: start it with bin/sparkhawk of a"
                        + " distribution or of the source tree."));
  }

  private PrepareSettings prepareSettings(Path files, String data) {
    return ConfigReader.ofFile(files.resolve("prepare.yaml"))
        .put("input", corpus(files, "train-"), "quickstart")
        .put("validation", corpus(files, "valid-"), "quickstart")
        .put("teacher", files.resolve("teacher").toString(), "quickstart")
        .put("output", data, "quickstart")
        .read(PrepareSettings.class);
  }

  private static List<String> corpus(Path files, String prefix) {
    return SOURCES.stream()
        .map(source -> files.resolve("corpus").resolve(prefix + source + ".jsonl.gz").toString())
        .toList();
  }

  /**
   * The quickstart's run. With fewer stages it is a run of another name, so that the results can be
   * laid side by side, and it trains on as many tokens in all, so that they can be compared.
   */
  private RunConfig runConfig(Path files, String data) {
    ConfigReader reader =
        ConfigReader.ofFile(files.resolve("quickstart.yaml"))
            .put("storage", out.toString(), "--out")
            .put("teacher", files.resolve("teacher").toString(), "quickstart")
            .put("data", data, "quickstart");
    if (!options.stages.isEmpty()) {
      reader.put(
          "run",
          options.stages.stream()
              .sorted()
              .map(StageChoice::name)
              .collect(Collectors.joining("-", "quickstart-", "")),
          "--stages");
    }
    options.applyTo(reader);
    RunConfig run = reader.read(RunConfig.class, RunConfig::check);
    return options.stages.isEmpty() ? run : run.withStagesAtSameTotal(options.stages);
  }
}
