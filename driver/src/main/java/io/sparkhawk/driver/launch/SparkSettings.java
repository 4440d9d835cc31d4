package io.sparkhawk.driver.launch;

import io.sparkhawk.driver.config.Problems;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.coordinator.CoordinatorPlugin;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.network.util.JavaUtils;

/**
 * Spark's settings for a run: what the user gave, completed by what training needs, with all
 * contradictions between the two reported at once.
 *
 * <p>Training needs all its workers at the same moment (barrier mode), each in a process of its
 * own, and sees failures itself: so executors are not allocated dynamically, an executor runs one
 * task on at most one GPU, and Spark retries and speculates nothing. Spark's libraries are those of
 * the cluster, never copies that come with the application.
 */
final class SparkSettings {

  private static final Pattern MEMORY = Pattern.compile("\\d+[kmgt]b?", Pattern.CASE_INSENSITIVE);
  private static final Pattern IN_PROCESS = Pattern.compile("local(\\[.*])?");
  private static final String STANDALONE = "spark://";
  private static final String KUBERNETES = "k8s://";

  /** What the driver's user interface, where there is one, serves for Prometheus. */
  private static final String PROMETHEUS = "spark.metrics.conf.driver.sink.prometheusServlet.";

  /** By name, as {@code driver.metrics} knows this package. */
  private static final String METRICS_PAGE = "io.sparkhawk.driver.metrics.MetricsPage";

  private static final String BARRIER_TIMEOUT = "spark.barrier.sync.timeout";
  private static final long LONGEST_BARRIER_SECONDS = 3600;

  private final ClusterSettings cluster;
  private final Map<String, String> settings = new TreeMap<>();
  private boolean onThisMachine;
  private final Problems problems = Problems.in("The cluster's settings");

  private SparkSettings(ClusterSettings cluster, Map<String, String> given) {
    this.cluster = cluster;
    settings.putAll(given);
    settings.putAll(cluster.spark());
  }

  /**
   * The settings as Spark wants them.
   *
   * @param name the application's name
   * @param given Spark's settings from outside, as spark-submit passes them
   * @param folder a folder of this run alone, for the files of executors on this machine
   * @throws io.sparkhawk.data.error.ConfigurationException naming every setting that contradicts
   *     what training needs
   */
  static SparkConf of(
      String name, ClusterSettings cluster, Map<String, String> given, Path folder) {
    SparkSettings settings = new SparkSettings(cluster, given);
    if (LocalProcessManager.isMaster(
        settings.settings.getOrDefault(
            "spark.master", LocalProcessManager.master(cluster.workers())))) {
      settings.useThisMachine(folder);
    } else {
      settings.useGivenMaster();
      settings.keepDriverService();
      settings.shareGpus();
    }
    settings.requireBarrierMode();
    settings.shareCores();
    settings.limitStandaloneCores();
    settings.addWhatTrainingNeeds(name);
    return settings.build();
  }

  private void useThisMachine(Path folder) {
    onThisMachine = true;
    keepEvents();
    settings.putIfAbsent("spark.master", LocalProcessManager.master(cluster.workers()));
    settings.put(LocalProcessBackend.FOLDER, folder.toString());
    settings.put("spark.driver.host", "127.0.0.1");
    settings.put("spark.driver.bindAddress", "127.0.0.1");
    settings.put("spark.executorEnv.SPARK_LOCAL_IP", "127.0.0.1");
    // Other users of this machine can reach the loopback interface, too.
    settings.put("spark.authenticate", "true");
    settings.putIfAbsent("spark.authenticate.secret", randomSecret());
    settings.putIfAbsent("spark.executor.cores", "1");
  }

  /** One file for each application, as far as it has come: what the history command shows. */
  private void keepEvents() {
    if (!cluster.eventFolder().isEmpty()
        && settings.putIfAbsent("spark.eventLog.enabled", "true") == null) {
      settings.putIfAbsent("spark.eventLog.dir", cluster.eventFolder());
      settings.putIfAbsent("spark.eventLog.rolling.enabled", "false");
    }
  }

  private void useGivenMaster() {
    String master = settings.get("spark.master");
    if (IN_PROCESS.matcher(master).matches() && cluster.workers() > 1) {
      problems.add(
          "spark.master is "
              + master
              + ", which has no executor processes, but the run needs "
              + cluster.workers()
              + " workers; leave spark.master out to train on this machine.");
    }
    String instances = settings.get("spark.executor.instances");
    if (instances != null && isFewer(instances, cluster.workers())) {
      problems.add(
          "spark.executor.instances is "
              + instances
              + ", but the run needs "
              + cluster.workers()
              + " workers, one per executor; set it to "
              + cluster.workers()
              + ".");
    }
    settings.putIfAbsent("spark.executor.instances", Integer.toString(cluster.workers()));
  }

  /**
   * Retraining has several applications in one driver, one after the other, and executors of each
   * find it by its service. Kubernetes deletes the service with the driver's pod.
   */
  private void keepDriverService() {
    if (settings.get("spark.master").startsWith(KUBERNETES)) {
      settings.putIfAbsent("spark.kubernetes.driver.service.deleteOnTermination", "false");
    }
  }

  private void requireBarrierMode() {
    require(
        "spark.dynamicAllocation.enabled",
        "false",
        "a stage needs all its workers at the same time");
    require("spark.speculation", "false", "a rank must not run twice");
    require("spark.task.maxFailures", "1", "a failed rank ends the stage, which then starts again");
    require("spark.driver.userClassPathFirst", "false", "Spark's own libraries have to come first");
    require(
        "spark.executor.userClassPathFirst", "false", "Spark's own libraries have to come first");
    limitBarrierWait();
    settings.putIfAbsent("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s");
    settings.putIfAbsent("spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures", "10");
  }

  /** Spark's own limit is a year. */
  private void limitBarrierWait() {
    String given = settings.putIfAbsent(BARRIER_TIMEOUT, "120s");
    if (given == null) {
      return;
    }
    long seconds;
    try {
      seconds = JavaUtils.timeStringAsSec(given);
    } catch (NumberFormatException e) {
      seconds = -1;
    }
    if (seconds < 1 || seconds > LONGEST_BARRIER_SECONDS) {
      problems.add(
          "%s is %s, but workers that do not come have to be noticed; set it to 120s, or to another time of at most an hour."
              .formatted(BARRIER_TIMEOUT, given));
    }
  }

  /** A standalone cluster has Workers that know their GPUs; the others ask the script. */
  private void shareGpus() {
    String master = settings.get("spark.master");
    if (!cluster.gpu() || IN_PROCESS.matcher(master).matches()) {
      return;
    }
    require("spark.executor.resource.gpu.amount", "1", "each executor has a GPU of its own");
    require("spark.task.resource.gpu.amount", "1", "each worker has a GPU of its own");
    if (master.startsWith(KUBERNETES)) {
      settings.putIfAbsent("spark.executor.resource.gpu.vendor", "nvidia.com");
    }
    String script = "spark.executor.resource.gpu.discoveryScript";
    if (!master.startsWith(STANDALONE) && !settings.containsKey(script)) {
      problems.add(
          script
              + " is not set, but an executor finds its GPU by it; set it to the path of"
              + " bin/gpu-discovery of the distribution, as an executor sees it.");
    }
  }

  /** Without a limit an application takes every core of a standalone cluster. */
  private void limitStandaloneCores() {
    String cores = settings.get("spark.executor.cores");
    if (!settings.get("spark.master").startsWith(STANDALONE) || !cores.matches("\\d{1,5}")) {
      return;
    }
    int needed = cluster.workers() * Integer.parseInt(cores);
    String given = settings.putIfAbsent("spark.cores.max", Integer.toString(needed));
    if (given != null && isFewer(given, needed)) {
      problems.add(
          "spark.cores.max is %s, but %d workers with %s cores each need %d; set it to %d or leave it out."
              .formatted(given, cluster.workers(), cores, needed, needed));
    }
  }

  private void shareCores() {
    String cores = settings.getOrDefault("spark.executor.cores", "1");
    String taskCores = settings.getOrDefault("spark.task.cpus", cores);
    if (!cores.equals(taskCores)) {
      problems.add(
          "spark.task.cpus is "
              + taskCores
              + " and spark.executor.cores is "
              + cores
              + ", but each executor runs one worker; make them equal.");
    }
    settings.put("spark.executor.cores", cores);
    settings.put("spark.task.cpus", cores);
    String threads = Integer.toString(cluster.threadsPerWorker());
    settings.putIfAbsent("spark.executorEnv.OMP_NUM_THREADS", threads);
    settings.putIfAbsent("spark.executorEnv.MKL_NUM_THREADS", threads);
  }

  private void addWhatTrainingNeeds(String name) {
    if (!MEMORY.matcher(cluster.workerMemory()).matches()) {
      problems.add(
          "worker-memory is "
              + cluster.workerMemory()
              + "; write a number with a unit, such as 1g or 1500m.");
    }
    settings.put("spark.app.name", name);
    settings.putIfAbsent("spark.executor.memory", cluster.workerMemory());
    settings.merge(
        "spark.plugins",
        CoordinatorPlugin.class.getName(),
        (given, ours) -> given.contains(ours) ? given : given + "," + ours);
    settings.putIfAbsent("spark.ui.enabled", Boolean.toString(isWatched()));
    settings.putIfAbsent("spark.ui.killEnabled", "false");
    if (cluster.watched()) {
      // The interface and the event log have all settings.
      settings.putIfAbsent("spark.redaction.regex", RunConfig.secrets());
    }
    settings.putIfAbsent(PROMETHEUS + "class", METRICS_PAGE);
    settings.putIfAbsent(PROMETHEUS + "path", "/metrics/prometheus");
    settings.putIfAbsent("spark.ui.showConsoleProgress", "false");
  }

  /** In a cluster of pods the chart decides which of their ports are open. */
  private boolean isWatched() {
    return cluster.watched() && !settings.get("spark.master").startsWith(KUBERNETES);
  }

  /** What is no number is Spark's to refuse. */
  private static boolean isFewer(String number, int needed) {
    return number.matches("\\d{1,9}") && Integer.parseInt(number) < needed;
  }

  private void require(String key, String value, String reason) {
    String given = settings.putIfAbsent(key, value);
    if (given != null && !given.equals(value)) {
      problems.add(key + " is " + given + ", but " + reason + "; set it to " + value + ".");
    }
  }

  private SparkConf build() {
    problems.throwIfAny();
    // Not SparkConf's own look at the system properties: they are among the given settings.
    SparkConf conf = onThisMachine ? new LoopbackConf() : new SparkConf(false);
    settings.forEach(conf::set);
    return conf;
  }

  private static String randomSecret() {
    byte[] secret = new byte[32];
    new SecureRandom().nextBytes(secret);
    return new BigInteger(1, secret).toString(Character.MAX_RADIX);
  }
}
