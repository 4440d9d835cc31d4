package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.launch.ClusterSession;
import io.sparkhawk.driver.launch.SparkInstallation;
import io.sparkhawk.driver.launch.Submission;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sparkhawk submit}: another command as an application of a Spark cluster. */
@Command(
    name = "submit",
    description = {
      "Run prepare, distill, evaluate or retrain on a Spark cluster: checks the command and all of"
          + " Spark's settings, then starts the cluster's spark-submit.",
      "",
      "The cluster's Spark brings its own libraries; the jars of the distribution that it does not"
          + " have go with the application.",
      ""
    },
    footer = {
      "",
      "Exit codes: in client mode those of the command; in cluster mode 0, or 5 with the advice to"
          + " look at the driver's log.",
      "",
      "Examples:",
      "  sparkhawk submit --master spark://head:7077 distill --config run.yaml",
      "  sparkhawk submit --master yarn --deploy-mode cluster \\",
      "      --conf spark.executor.memoryOverhead=24g distill --config run.yaml",
      "",
      "docs/spark-submit.md has an example for each cluster manager."
    })
final class SubmitCommand implements Callable<Integer> {

  private static final String RETRAIN = "retrain";
  private static final Set<String> COMMANDS = Set.of("prepare", "distill", "evaluate", RETRAIN);
  private static final String CONFIG = "--config";
  private static final String IMAGE = "local:///opt/sparkhawk";

  /** Where the launcher keeps SPARK_HOME of its environment. */
  static final String SPARK_HOME = "sparkhawk.spark.home";

  private final Optional<Path> home;

  @Spec private CommandSpec spec;

  @Option(
      names = "--master",
      paramLabel = "URL",
      required = true,
      description = "The cluster: spark://HOST:PORT, yarn or k8s://URL.")
  private String master;

  @Option(
      names = "--deploy-mode",
      paramLabel = "MODE",
      defaultValue = "client",
      description =
          "Where the driver runs: client, in this process's machine, or cluster. Default: client.")
  private String mode;

  @Option(
      names = "--conf",
      paramLabel = "KEY=VALUE",
      description = "A setting of Spark. May be repeated.")
  private List<String> conf = List.of();

  @Option(
      names = "--distribution",
      paramLabel = "URI",
      description =
          "Where every machine of the cluster has this distribution, such as"
              + " local:/opt/sparkhawk or hdfs:///apps/sparkhawk. By default the jars are sent to"
              + " them, and on Kubernetes the image's are used.")
  private String distribution = "";

  @Option(
      names = "--spark-home",
      paramLabel = "FOLDER",
      description = "The installed Spark. Default: SPARK_HOME.")
  private Optional<Path> sparkHome = Optional.empty();

  @Option(
      names = "--print",
      description = "Print the command line of spark-submit, one argument a line; start nothing.")
  private boolean print;

  @Parameters(
      arity = "1..*",
      paramLabel = "COMMAND",
      description = "prepare, distill, evaluate or retrain, with its options.")
  private List<String> command;

  SubmitCommand(Optional<Path> home) {
    this.home = home;
  }

  @Override
  public Integer call() {
    boolean cluster = clusterMode();
    requireSubmittable(cluster);
    CheckedJobs jobs = new CheckedJobs();
    int checked =
        new CommandLines(jobs, home, spec.commandLine().getOut(), spec.commandLine().getErr())
            .run(command.toArray(String[]::new));
    if (checked != 0) {
      return checked;
    }
    Map<String, String> given = new TreeMap<>(settings());
    given.put("spark.master", master);
    Map<String, String> settings = new TreeMap<>(given);
    jobs.cluster().ifPresent(workers -> settings.putAll(ClusterSession.submitted(workers, given)));
    return start(
        new Submission(
            SparkInstallation.in(sparkFolder()),
            ownFolder(),
            place(),
            cluster,
            settings,
            cluster ? inlined(command) : command));
  }

  private void requireSubmittable(boolean cluster) {
    if (!COMMANDS.contains(command.get(0))) {
      throw new ConfigurationException(
          "submit runs prepare, distill, evaluate or retrain on a cluster, but not "
              + command.get(0)
              + ".");
    }
    if (cluster && master.startsWith("yarn") && command.get(0).equals(RETRAIN)) {
      throw new ConfigurationException(
          "--deploy-mode is cluster, but retrain is several applications of Spark, one after the"
              + " other, and YARN has one for each driver in the cluster; set it to client.");
    }
  }

  private int start(Submission submission) {
    if (print) {
      submission.commandLine().forEach(spec.commandLine().getOut()::println);
      return 0;
    }
    int code = submission.run();
    if (code != 0 && submission.cluster()) {
      throw new UnknownStateException(
          "The driver in the cluster failed; spark-submit, which ended with exit code "
              + code
              + ", does not tell how. Its log in the cluster does, in its last lines.");
    }
    return code;
  }

  private boolean clusterMode() {
    if (!mode.equals("client") && !mode.equals("cluster")) {
      throw new ConfigurationException(
          "--deploy-mode is " + mode + ", expected client or cluster.");
    }
    return mode.equals("cluster");
  }

  private Map<String, String> settings() {
    List<String> wrong = conf.stream().filter(setting -> !setting.matches("(?s)[^=]+=.*")).toList();
    if (!wrong.isEmpty()) {
      throw new ConfigurationException(
          "--conf is " + String.join(", ", wrong) + ", expected KEY=VALUE.");
    }
    return conf.stream()
        .map(setting -> setting.split("=", 2))
        .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1], (first, last) -> last));
  }

  /** The driver in the cluster cannot read a file of this machine. */
  private static List<String> inlined(List<String> arguments) {
    List<String> changed = new ArrayList<>();
    for (String argument : arguments) {
      boolean follows = !changed.isEmpty() && changed.get(changed.size() - 1).equals(CONFIG);
      if (follows) {
        changed.add(ConfigReader.dataUrl(Path.of(argument)));
      } else if (argument.startsWith(CONFIG + "=")) {
        String file = argument.substring(CONFIG.length() + 1);
        changed.add(CONFIG + "=" + ConfigReader.dataUrl(Path.of(file)));
      } else {
        changed.add(argument);
      }
    }
    return changed;
  }

  private Path ownFolder() {
    return home.orElseThrow(
        () ->
            new ConfigurationException(
                "submit needs a distribution: start it by bin/sparkhawk of one."));
  }

  private Path sparkFolder() {
    return sparkHome
        .or(() -> Optional.ofNullable(System.getProperty(SPARK_HOME)).map(Path::of))
        .orElseThrow(
            () ->
                new ConfigurationException(
                    "SPARK_HOME is not set. Set it, or --spark-home, to the folder of an installed"
                        + " Spark 4."));
  }

  private String place() {
    return distribution.isEmpty() && master.startsWith("k8s://") ? IMAGE : distribution;
  }
}
