package io.sparkhawk.driver.run;

import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.GenerateSettings;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.config.TimeoutSettings;
import io.sparkhawk.driver.coordinator.RingSecurity;
import io.sparkhawk.driver.launch.ClusterSettings;
import io.sparkhawk.executor.compare.ComparisonChoice;
import io.sparkhawk.executor.compare.ComparisonPlan;
import io.sparkhawk.executor.evaluate.TaskPlan;
import io.sparkhawk.executor.generate.GenerationPlan;
import io.sparkhawk.executor.generate.SamplingSettings;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.train.EvaluationPlan;
import io.sparkhawk.executor.train.ParallelSettings;
import io.sparkhawk.executor.train.TrainingPlan;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;

/** Turns what the user wrote into what launcher and workers need. */
public final class Plans {

  private static final String HADOOP_PREFIX = "spark.hadoop.";

  private Plans() {}

  /** The plan of a run, at its first stage. Relative paths are taken from the current folder. */
  public static TrainingPlan training(RunConfig config) {
    Map<String, String> hadoop = hadoopSettings(config.spark());
    Configuration configuration = configuration(hadoop);
    return new TrainingPlan(
        config.run(),
        qualified(configuration, config.runFolder()),
        qualified(configuration, config.teacher()),
        qualified(configuration, config.data()),
        config.seed(),
        config.shuffleBlock(),
        config.device(),
        config.computeType(),
        ParallelSettings.of(config.shardOptimizer(), config.gradientType()),
        config.student(),
        config.stages(),
        0,
        config.checkpoints(),
        config.evaluation(),
        hadoop,
        config.localCache().orElseGet(Plans::defaultCache),
        config.localCacheBytes(),
        config.threads(cores()),
        config.warmStart().map(folder -> qualified(configuration, folder)).orElse(""));
  }

  /** The plan of measuring the perplexity of one of the models. */
  public static EvaluationPlan perplexity(EvaluateSettings settings, String model, String data) {
    Map<String, String> hadoop = hadoopSettings(Map.of());
    Configuration configuration = configuration(hadoop);
    return new EvaluationPlan(
        qualified(configuration, model),
        qualified(configuration, data),
        settings.tokens(),
        settings.device(),
        settings.computeType(),
        hadoop,
        defaultCache(),
        TokenRows.USUAL_CACHE_BYTES,
        threads(settings));
  }

  /** The plan of continuing a prompt; without a seed in the settings it has a new one. */
  public static GenerationPlan generation(GenerateSettings settings, String prompt) {
    // Short enough to be typed again.
    long seed = settings.seed().orElseGet(() -> (long) new SplittableRandom().nextInt(1_000_000));
    return new GenerationPlan(
        qualified(hadoopConfiguration(), settings.model()),
        prompt,
        settings.maxTokens(),
        new SamplingSettings(
            settings.temperature(), settings.topP(), settings.repetitionPenalty(), seed),
        settings.endOfText(),
        settings.device(),
        settings.computeType(),
        defaultCache(),
        settings.threads() > 0 ? settings.threads() : cores());
  }

  /**
   * The plan of scoring tasks.
   *
   * @param models the folders of the models, any number of them
   */
  public static TaskPlan tasks(EvaluateSettings settings, List<String> models) {
    Map<String, String> hadoop = hadoopSettings(Map.of());
    Configuration configuration = configuration(hadoop);
    return new TaskPlan(
        models.stream().map(model -> qualified(configuration, model)).toList(),
        settings.tasks().stream().map(file -> qualified(configuration, file)).toList(),
        settings.maxLength(),
        settings.endOfText(),
        settings.device(),
        settings.computeType(),
        hadoop,
        defaultCache(),
        threads(settings));
  }

  /**
   * The plan of comparing a run's teacher with its student in this process.
   *
   * @param config the run's settings, as its folder has them: secrets are those of this process
   * @param student URI of the student's folder
   */
  static ComparisonPlan comparison(RunConfig config, String student, ComparisonChoice choice) {
    Map<String, String> known = new TreeMap<>(config.spark());
    known.values().removeIf(RunConfig.HIDDEN::equals);
    ComparisonPlan plan = ComparisonPlan.of(training(config.withSpark(known)));
    return new ComparisonPlan(
        plan.teacherFolder(),
        student,
        plan.dataFolder(),
        choice,
        plan.device(),
        plan.elementType(),
        plan.hadoop(),
        plan.localCache(),
        plan.localCacheBytes(),
        cores());
  }

  /** The workers of a run. */
  public static ClusterSettings cluster(RunConfig config) {
    Map<String, String> spark = new TreeMap<>(config.spark());
    spark.put(
        RingSecurity.ALLOW_PLAIN, Boolean.toString(config.security().allowUnencryptedGradients()));
    return new ClusterSettings(
        config.workers(),
        config.supervision().fewest(config.workers()),
        config.supervision().executorWait(),
        config.threads(cores()),
        config.workerMemory(),
        config.device() == DeviceKind.GPU,
        spark,
        false,
        "");
  }

  /** The one worker that writes a student of this run. */
  public static ClusterSettings exporting(RunConfig config) {
    ClusterSettings all = cluster(config);
    return new ClusterSettings(1, all.threadsPerWorker(), all.workerMemory(), all.spark())
        .onGpus(all.gpu());
  }

  /** The workers that measure models. */
  public static ClusterSettings cluster(EvaluateSettings settings) {
    // Only sums of losses travel between the workers.
    return new ClusterSettings(
            settings.workers(),
            threads(settings),
            "1g",
            Map.of(RingSecurity.ALLOW_PLAIN, Boolean.toString(true)))
        .onGpus(settings.device() == DeviceKind.GPU);
  }

  private static int threads(EvaluateSettings settings) {
    return settings.threadsPerWorker() > 0
        ? settings.threadsPerWorker()
        : Math.max(1, cores() / settings.workers());
  }

  /** How long driver and workers wait for each other. */
  public static WorkerTimeouts timeouts(TimeoutSettings settings) {
    return new WorkerTimeouts(
        settings.barrierSync(),
        settings.collective(),
        WorkerTimeouts.DEFAULT.heartbeat(),
        settings.heartbeat());
  }

  /** Hadoop's configuration for commands whose settings have nothing of it. */
  public static Configuration hadoopConfiguration() {
    return configuration(hadoopSettings(Map.of()));
  }

  /** Hadoop's configuration for a run. */
  static Configuration hadoopConfiguration(RunConfig config) {
    return configuration(hadoopSettings(config.spark()));
  }

  /**
   * Hadoop's configuration for a run whose settings were read from its folder, where secrets are
   * hidden: those are of the process.
   */
  static Configuration withSettingsOf(RunConfig config, Configuration process) {
    Configuration configuration = new Configuration(process);
    config
        .spark()
        .forEach(
            (key, value) -> {
              if (key.startsWith(HADOOP_PREFIX) && !value.equals(RunConfig.HIDDEN)) {
                configuration.set(key.substring(HADOOP_PREFIX.length()), value);
              }
            });
    return configuration;
  }

  /** Hadoop's configuration as the driver uses it for this plan. */
  static Configuration configuration(Map<String, String> hadoop) {
    Configuration configuration = new Configuration();
    hadoop.forEach(configuration::set);
    return configuration;
  }

  /**
   * Settings of Hadoop's file systems: those of this process, as spark-submit passes them, and over
   * them the run's own.
   */
  private static Map<String, String> hadoopSettings(Map<String, String> spark) {
    Map<String, String> given = new TreeMap<>();
    Properties properties = System.getProperties();
    properties.stringPropertyNames().forEach(key -> given.put(key, properties.getProperty(key)));
    given.putAll(spark);
    return given.entrySet().stream()
        .filter(entry -> entry.getKey().startsWith(HADOOP_PREFIX))
        .collect(
            Collectors.toMap(
                entry -> entry.getKey().substring(HADOOP_PREFIX.length()), Map.Entry::getValue));
  }

  /** Workers have other working folders than the driver. */
  private static String qualified(Configuration hadoop, String path) {
    org.apache.hadoop.fs.Path parsed = new org.apache.hadoop.fs.Path(path);
    return Storage.of(hadoop, parsed).fileSystem().makeQualified(parsed).toString();
  }

  private static String defaultCache() {
    return Path.of(System.getProperty("java.io.tmpdir"), "sparkhawk-cache").toString();
  }

  private static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }
}
