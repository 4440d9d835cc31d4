package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One command of Sparkhawk as an application of a cluster, started by the cluster's spark-submit.
 *
 * @param spark the installation whose spark-submit is used
 * @param distribution folder of our distribution on this machine
 * @param elsewhere where the cluster's machines have the distribution; empty if spark-submit is to
 *     give them the jars of this one
 * @param cluster whether the driver runs in the cluster rather than here
 * @param settings Spark's settings, with {@code spark.master}
 * @param arguments the command, as on Sparkhawk's own command line
 */
public record Submission(
    SparkInstallation spark,
    Path distribution,
    String elsewhere,
    boolean cluster,
    Map<String, String> settings,
    List<String> arguments) {

  private static final String MAIN = "io.sparkhawk.driver.cli.Main";
  private static final String MASTER = "spark.master";

  public Submission {
    settings = Map.copyOf(settings);
    arguments = List.copyOf(arguments);
  }

  /** The command line of spark-submit. */
  public List<String> commandLine() {
    List<String> line = new ArrayList<>();
    line.add(spark.home().resolve("bin/spark-submit").toString());
    line.addAll(List.of("--master", settings.get(MASTER)));
    line.addAll(List.of("--deploy-mode", cluster ? "cluster" : "client"));
    line.addAll(List.of("--class", MAIN));
    Map<String, String> conf = new TreeMap<>(settings);
    conf.remove(MASTER);
    conf.putIfAbsent("spark.app.name", "sparkhawk " + arguments.get(0));
    if (cluster) {
      // Without it, spark-submit of a standalone cluster ends when the driver has begun.
      conf.putIfAbsent("spark.standalone.submit.waitAppCompletion", "true");
    }
    conf.forEach((key, value) -> line.addAll(List.of("--conf", key + "=" + value)));
    addJars(line);
    line.addAll(arguments);
    return List.copyOf(line);
  }

  private void addJars(List<String> line) {
    List<Path> jars = spark.missing(distribution.resolve("jars"));
    Path application =
        jars.stream()
            .filter(jar -> jar.getFileName().toString().matches("driver-\\d.*\\.jar"))
            .findFirst()
            .orElseThrow(
                () ->
                    new ConfigurationException(
                        "There is no driver-VERSION.jar in " + distribution.resolve("jars") + "."));
    // Sparkhawk's own images have all jars where Spark looks for its own.
    if (!settings.get(MASTER).startsWith("k8s://")) {
      line.add("--jars");
      line.add(
          String.join(
              ",",
              jars.stream().filter(jar -> !jar.equals(application)).map(this::place).toList()));
    }
    line.add(place(application));
  }

  private String place(Path jar) {
    return elsewhere.isEmpty() ? jar.toString() : elsewhere + "/jars/" + jar.getFileName();
  }

  /**
   * Runs spark-submit, whose input and outputs are this process's own, and returns its exit code.
   *
   * @throws InfrastructureException if it cannot be started
   */
  public int run() {
    ProcessBuilder builder = new ProcessBuilder(commandLine()).inheritIO();
    builder.environment().put("SPARK_HOME", spark.home().toString());
    try {
      Process process = builder.start();
      // A signal for this process alone has to end the other one, too.
      Thread end = new Thread(process::destroy, "end of spark-submit");
      Runtime.getRuntime().addShutdownHook(end);
      int code = process.waitFor();
      Runtime.getRuntime().removeShutdownHook(end);
      return code;
    } catch (IOException e) {
      throw new InfrastructureException("spark-submit cannot be started: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("Interrupted while spark-submit was running.", e);
    }
  }
}
