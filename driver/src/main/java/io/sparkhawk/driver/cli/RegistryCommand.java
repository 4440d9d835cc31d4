package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.driver.registry.ModelRegistry;
import io.sparkhawk.driver.registry.ModelVersion;
import io.sparkhawk.driver.retrain.Retraining;
import io.sparkhawk.driver.run.Plans;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sparkhawk registry}: the versions of a model. */
@Command(
    name = "registry",
    description = {
      "List, show and roll back the versions of a model that retrain has put into production.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  sparkhawk registry list --config retrain.yaml",
      "  sparkhawk registry show 3 --folder s3a://bucket/models/phi-mamba",
      "  sparkhawk registry rollback --config retrain.yaml"
    })
final class RegistryCommand implements Runnable {

  @Spec private CommandSpec spec;

  /** Where the registry is. */
  static final class Place {

    @ArgGroup(multiplicity = "1")
    private Choice choice;

    /** One of the two. */
    static final class Choice {

      @Option(
          names = "--config",
          paramLabel = "FILE",
          description = "The YAML file of the retraining.")
      private String config;

      @Option(
          names = "--folder",
          paramLabel = "PATH",
          description = "The model's folder: storage and name of the retraining.")
      private String folder;
    }

    ModelRegistry open() {
      String folder =
          choice.folder != null
              ? choice.folder
              : RetrainConfig.read(choice.config, List.of()).folder();
      return ModelRegistry.open(
          Plans.hadoopConfiguration(),
          new org.apache.hadoop.fs.Path(Storage.path(folder), Retraining.REGISTRY));
    }
  }

  @Override
  public void run() {
    throw new ConfigurationException(
        "registry needs one of list, show and rollback. '"
            + spec.qualifiedName()
            + " --help' shows how.");
  }

  /** All versions, one a line. */
  @Command(name = "list", description = "List all versions, the newest last.")
  void list(@picocli.CommandLine.Mixin Place place) {
    PrintWriter out = spec.commandLine().getOut();
    List<ModelVersion> versions = place.open().versions();
    if (versions.isEmpty()) {
      out.println("There is no version yet.");
    }
    for (int i = 0; i < versions.size(); i++) {
      out.println(line(versions.get(i), i == versions.size() - 1));
    }
    out.flush();
  }

  private static String line(ModelVersion version, boolean production) {
    return String.format(
        Locale.ROOT,
        "%d  %s  %-24s  perplexity %.2f  round %s  %s%s",
        version.version(),
        version.at(),
        version.kind() == ModelVersion.Kind.PROMOTION
            ? "promotion"
            : "rollback to version " + version.of(),
        version.scores().perplexity(),
        version.lineage().window(),
        version.model(),
        production ? "  (in production)" : "");
  }

  /** One version, with all that is known of it. */
  @Command(
      name = "show",
      description = "Show a version as JSON: model, metrics, and where it came from.")
  void show(
      @picocli.CommandLine.Mixin Place place,
      @Parameters(
              paramLabel = "VERSION",
              arity = "0..1",
              description = "Its number. The default is the version in production.")
          Long number) {
    ModelRegistry registry = place.open();
    ModelVersion version =
        number != null
            ? registry.require(number)
            : registry
                .production()
                .orElseThrow(() -> new ConfigurationException("There is no version yet."));
    PrintWriter out = spec.commandLine().getOut();
    out.print(JsonFormat.pretty(version));
    out.flush();
  }

  /** Brings an earlier model back. */
  @Command(
      name = "rollback",
      description = {
        "Bring an earlier model back into production, as a new version.",
        "The data that the later ones have learned does not become new again."
      })
  void rollback(
      @picocli.CommandLine.Mixin Place place,
      @Option(
              names = "--to",
              paramLabel = "VERSION",
              description =
                  "The version to bring back. The default is the one promoted before the model that"
                      + " is in production.")
          Long number) {
    OptionalLong to = number == null ? OptionalLong.empty() : OptionalLong.of(number);
    ModelVersion now = place.open().rollBack(to, Instant.now().toString());
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        "Version %d is in production: the model of version %d, %s"
            .formatted(now.version(), now.of(), now.model()));
    out.flush();
  }
}
