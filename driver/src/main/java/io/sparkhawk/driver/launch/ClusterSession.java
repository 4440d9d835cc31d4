package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.driver.coordinator.Coordinator;
import io.sparkhawk.driver.coordinator.CoordinatorPlugin;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

/**
 * The Spark application of a run, with the executors that its workers live in.
 *
 * <p>With {@code spark.master} given, as by spark-submit, it is that cluster's; otherwise the
 * workers are processes on this machine. A process has one session at a time.
 */
public final class ClusterSession implements AutoCloseable {

  private final ClusterSettings settings;
  private final JavaSparkContext spark;
  private final ClusterSlots slots;
  private final Path folder;
  private boolean keepLogs;

  private ClusterSession(ClusterSettings settings, JavaSparkContext spark, Path folder) {
    this.settings = settings;
    this.spark = spark;
    this.slots = new ClusterSlots(spark.sc());
    this.folder = folder;
  }

  /**
   * Starts Spark with its executors and returns when there is one for each worker, or, when the
   * time for that has passed, at least for the fewest.
   *
   * @param name the application's name
   * @throws ConfigurationException if the settings contradict each other, before anything is
   *     started
   * @throws InfrastructureException if Spark or an executor cannot be started, or if the cluster
   *     has too few executors for the run
   */
  public static ClusterSession start(String name, ClusterSettings settings) {
    return start(
        name, settings, System.getProperties(), temporaryFolder(), settings.executorWait());
  }

  /**
   * Checks the settings without starting anything.
   *
   * @throws ConfigurationException naming all that contradict each other
   */
  public static void check(ClusterSettings settings) {
    SparkSettings.of("check", settings, sparkSettings(System.getProperties()), Path.of(""));
  }

  /**
   * The settings that the driver on a cluster will insist on, to be given to Spark before: what the
   * run's own section says of Spark is left out, as the driver reads that itself.
   *
   * @param given Spark's settings from outside, with {@code spark.master}
   * @throws ConfigurationException naming all that contradict each other
   */
  public static Map<String, String> submitted(ClusterSettings settings, Map<String, String> given) {
    Map<String, String> needed = new TreeMap<>();
    for (Tuple2<String, String> setting :
        SparkSettings.of("submit", settings, given, Path.of("")).getAll()) {
      needed.put(setting._1(), setting._2());
    }
    needed.keySet().removeAll(settings.spark().keySet());
    needed.keySet().removeAll(Set.of("spark.app.name", "spark.master"));
    return needed;
  }

  static ClusterSession start(
      String name, ClusterSettings settings, Properties given, Path folder, Duration slotsTimeout) {
    try {
      SparkConf conf = SparkSettings.of(name, settings, sparkSettings(given), folder);
      JavaSparkContext spark = startSpark(conf);
      ClusterSession session = new ClusterSession(settings, spark, folder);
      try {
        session.awaitSlots(slotsTimeout);
      } catch (RuntimeException e) {
        session.close();
        throw e;
      }
      return session;
    } catch (RuntimeException e) {
      delete(folder, true);
      throw e;
    }
  }

  /** The settings that the session was started with. */
  public ClusterSettings settings() {
    return settings;
  }

  /** The Spark application, for jobs that are not training. */
  public JavaSparkContext spark() {
    return spark;
  }

  Slots slots() {
    return slots;
  }

  Coordinator coordinator() {
    return CoordinatorPlugin.coordinator();
  }

  /** Keeps the executors' logs when the session closes: a failure's message names them. */
  void keepLogs() {
    keepLogs = true;
  }

  /** Stops Spark and its executors. */
  @Override
  public void close() {
    spark.close();
    delete(folder, keepLogs);
  }

  private static JavaSparkContext startSpark(SparkConf conf) {
    try {
      return new JavaSparkContext(conf);
    } catch (SparkhawkException e) {
      throw e;
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException("Spark refuses its settings: " + e.getMessage(), e);
    } catch (Exception e) {
      // Spark throws checked exceptions that it does not declare.
      throw new InfrastructureException(
          "Spark cannot be started on " + conf.get("spark.master") + ": " + e.getMessage(), e);
    }
  }

  private void awaitSlots(Duration timeout) {
    int found = slots.await(settings.workers(), timeout);
    if (found < settings.minWorkers()) {
      failIfLocalProcessEnded();
      throw new InfrastructureException(
          "The run needs %d workers, each in an executor of its own, but the cluster at %s offered %d within %d s. Start the same command again once it has more; supervision.executor-wait is how long to wait, and supervision.min-workers how many will do."
              .formatted(settings.minWorkers(), spark.sc().master(), found, timeout.toSeconds()));
    }
  }

  /**
   * A cluster goes on to replace executors that fail to start; here that was tried, and is over.
   */
  private void failIfLocalProcessEnded() {
    Map<String, String> lost = coordinator().lostExecutors();
    Optional<String> first =
        lost.keySet().stream().min(Comparator.comparingInt(String::length).thenComparing(id -> id));
    if (first.isPresent()) {
      keepLogs();
      throw new InfrastructureException(
          "Executor " + first.get() + " did not start: " + lost.get(first.get()) + ".");
    }
  }

  private static Map<String, String> sparkSettings(Properties properties) {
    return properties.stringPropertyNames().stream()
        .filter(key -> key.startsWith("spark."))
        .collect(Collectors.toUnmodifiableMap(key -> key, properties::getProperty));
  }

  private static Path temporaryFolder() {
    try {
      return Files.createTempDirectory("sparkhawk-");
    } catch (IOException e) {
      throw new InfrastructureException(
          "No temporary folder can be made in "
              + System.getProperty("java.io.tmpdir")
              + ": "
              + e.getMessage()
              + ".",
          e);
    }
  }

  /** Deletes the folder, except logs that are to be kept and the folders that hold them. */
  private static void delete(Path folder, boolean keepLogs) {
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .sorted(Comparator.reverseOrder())
          .filter(file -> !(keepLogs && file.endsWith(LocalProcessBackend.LOG)))
          .forEach(file -> file.toFile().delete());
    } catch (IOException | UncheckedIOException e) {
      // Left to the system's own cleaning of temporary files.
      return;
    }
  }
}
