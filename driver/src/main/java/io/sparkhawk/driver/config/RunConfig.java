package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.EvaluationSettings;
import io.sparkhawk.executor.train.GradientType;
import io.sparkhawk.executor.train.StageSettings;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** A run, as its YAML file describes it: which teacher, which data, which stages, on what. */
public record RunConfig(
    @Setting(
            "Name of the run: letters, digits, dots, dashes and underscores. All that it produces"
                + " goes to the folder of this name in the storage.")
        String run,
    @Setting(
            value =
                "Folder under which each run has its own: a local path or the URI of any Hadoop"
                    + " file system.",
            defaultValue = "runs")
        String storage,
    @Setting("The teacher: a Hugging Face folder with config.json, safetensors and tokenizer.json.")
        String teacher,
    @Setting("The data set: a folder that the prepare command wrote.") String data,
    @Setting(
            value = "Seed of the sample order and of the student's initialisation.",
            defaultValue = "1",
            min = 0)
        long seed,
    @Setting(
            value =
                "Tokens of the training data among which samples are shuffled. A data set that has"
                    + " no more is shuffled as a whole; of a larger one each epoch lines the shards"
                    + " up in a random order, cuts the line into blocks of this size and shuffles"
                    + " the samples of each. Workers need the shards of two blocks at a time, which"
                    + " must fit in local-cache-bytes if the data set is remote.",
            defaultValue = "1B",
            min = 1)
        long shuffleBlock,
    @Setting(
            value =
                "Executor processes that train together; the most that are used, even if the"
                    + " cluster has more. supervision.min-workers allows fewer.",
            defaultValue = "2",
            min = 1,
            max = 65536)
        int workers,
    @Setting(
            value =
                "Threads of each worker's tensor operations; 0 shares the machine's cores among the"
                    + " workers.",
            defaultValue = "0",
            min = 0,
            max = 1024)
        int threadsPerWorker,
    @Setting(
            value =
                "Java heap of each worker. Tensors lie outside of it, in the memory of the device"
                    + " or of the process.",
            defaultValue = "1g")
        String workerMemory,
    @Setting(value = "What the workers compute on.", defaultValue = "cpu") DeviceKind device,
    @Setting(
            "Element type that the workers compute in. The default is float32 on CPUs and bfloat16"
                + " on GPUs; master weights and optimizer state are float32 in either case.")
        Optional<ElementType> elementType,
    @Setting(
            "Whether each worker keeps and updates only a share of the optimizer's state and, on"
                + " GPUs, of the master weights (ZeRO stage 1): less memory for each. The default"
                + " is true where workers' GPUs are connected by NCCL and false otherwise; a run"
                + " may be resumed with the other value.")
        Optional<Boolean> shardOptimizer,
    @Setting(
            value =
                "Type in which gradients are kept and summed between GPUs. With bfloat16 they take"
                    + " half the memory and move half the bytes, and each sum of them is rounded. It"
                    + " holds where models compute in bfloat16, a worker's share of a step is one"
                    + " micro-batch, and gradients are not summed in host memory; elsewhere they are"
                    + " float32 all the same, and the log says why. A run may be resumed with the"
                    + " other value.",
            defaultValue = "float32")
        GradientType gradientType,
    @Setting(value = "Architecture of the student.", defaultValue = "{}") StudentSettings student,
    @Setting(
            "Folder of a student that distill wrote, with this teacher and this architecture, from"
                + " which the first stage starts. The default starts from the teacher.")
        Optional<String> warmStart,
    @Setting(
            "The stages to train, in the order matrix, hidden, distill; any of them may be left"
                + " out.")
        List<StageSettings> stages,
    @Setting(value = "When the run is saved.", defaultValue = "{}") CheckpointSettings checkpoints,
    @Setting(value = "How the models are measured.", defaultValue = "{}")
        EvaluationSettings evaluation,
    @Setting(value = "How long each wait may last.", defaultValue = "{}") TimeoutSettings timeouts,
    @Setting(value = "What may be seen on the network.", defaultValue = "{}")
        SecuritySettings security,
    @Setting(value = "What happens when workers fail, are lost or are slow.", defaultValue = "{}")
        SupervisionSettings supervision,
    @Setting(
            "Folder on each worker's own disk for data that is not local. The default is a folder"
                + " in the system's temporary folder.")
        Optional<String> localCache,
    @Setting(
            value =
                "Bytes that copies of remote shards may take on each worker's own disk; those used"
                    + " least recently go first. The whole data set or the shards of two blocks"
                    + " (shuffle-block) must fit.",
            defaultValue = "100B",
            min = 1)
        long localCacheBytes,
    @Setting(
            value = "Settings of Spark itself, by their own names, such as spark.executor.memory.",
            defaultValue = "{}")
        Map<String, String> spark) {

  private static final Pattern RUN_NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

  /** What stands in place of a secret. */
  public static final String HIDDEN = "(hidden)";

  /**
   * What Spark itself takes for secrets (the default of spark.redaction.regex), and what the
   * storages of others call theirs.
   */
  private static final Pattern SECRET =
      Pattern.compile(
          "(?i)secret|passw(or)?d|passphrase|token|credential"
              + "|(access|account|api|private|shared|encryption)[._-]?key");

  private static final Pattern MEMORY = Pattern.compile("[1-9][0-9]*[kmgt]");

  /** A regular expression that is found in the names and values of settings that are secrets. */
  public static String secrets() {
    return SECRET.pattern();
  }

  public RunConfig {
    stages = List.copyOf(stages);
    spark = Map.copyOf(spark);
  }

  /** The element type that is computed in: the one given, or the device's usual one. */
  public ElementType computeType() {
    return elementType.orElse(
        device == DeviceKind.GPU ? ElementType.BFLOAT16 : ElementType.FLOAT32);
  }

  /** Threads of each worker on a machine with {@code cores} cores that all workers share. */
  public int threads(int cores) {
    return threadsPerWorker > 0 ? threadsPerWorker : Math.max(1, cores / workers);
  }

  /** The folder that this run owns. */
  public String runFolder() {
    return storage.endsWith("/") ? storage + run : storage + "/" + run;
  }

  /**
   * This run with only some of its stages.
   *
   * @param kept the stages to keep; each must be one of this run's
   * @throws io.sparkhawk.data.error.ConfigurationException if one is not, or none is kept
   */
  public RunConfig withStages(Collection<StageKind> kept) {
    Set<StageKind> missing = new HashSet<>(kept);
    stages.forEach(stage -> missing.remove(stage.name()));
    Problems problems = Problems.in("--stages");
    missing.stream()
        .sorted()
        .forEach(
            stage ->
                problems.add(
                    "stages", ValueType.write(stage), "the configuration has no such stage."));
    if (kept.isEmpty()) {
      problems.add("no stage is left; name at least one of matrix, hidden and distill.");
    }
    problems.throwIfAny();
    return withStages(stages.stream().filter(stage -> kept.contains(stage.name())).toList());
  }

  /**
   * This run with only some of its stages, at the same number of training tokens in all: the last
   * stage that is kept gets those of the stages that are not. Results can then be compared.
   *
   * @param kept the stages to keep; each must be one of this run's
   */
  public RunConfig withStagesAtSameTotal(Collection<StageKind> kept) {
    RunConfig fewer = withStages(kept);
    long left = tokens() - fewer.tokens();
    var moved = new ArrayList<>(fewer.stages);
    StageSettings last = moved.remove(moved.size() - 1);
    moved.add(last.withTokens(last.tokens() + left));
    return fewer.withStages(moved);
  }

  /** Training tokens of all stages. */
  public long tokens() {
    return stages.stream().mapToLong(StageSettings::tokens).sum();
  }

  /** This run for others to see: values of Spark settings that may be secrets are left out. */
  public RunConfig withoutSecrets() {
    Map<String, String> shown = new TreeMap<>();
    spark.forEach((key, value) -> shown.put(key, isSecret(key, value) ? HIDDEN : value));
    return with(stages, shown);
  }

  /** Options such as -Djavax.net.ssl.keyStorePassword=... have the secret's name in the value. */
  private static boolean isSecret(String key, String value) {
    return SECRET.matcher(key).find() || SECRET.matcher(value).find();
  }

  private RunConfig withStages(List<StageSettings> other) {
    return with(other, spark);
  }

  /** This run with other settings of Spark. */
  public RunConfig withSpark(Map<String, String> other) {
    return with(stages, other);
  }

  /**
   * These settings for a run of its own.
   *
   * @param otherWarmStart folder of the student to start from; empty starts from the teacher
   */
  public RunConfig forRound(
      String otherRun,
      String otherStorage,
      String otherTeacher,
      String otherData,
      String otherWarmStart,
      List<StageSettings> otherStages) {
    return with(
        otherRun,
        otherStorage,
        otherTeacher,
        otherData,
        Optional.of(otherWarmStart).filter(folder -> !folder.isEmpty()),
        otherStages,
        spark);
  }

  private RunConfig with(List<StageSettings> otherStages, Map<String, String> otherSpark) {
    return with(run, storage, teacher, data, warmStart, otherStages, otherSpark);
  }

  private RunConfig with(
      String otherRun,
      String otherStorage,
      String otherTeacher,
      String otherData,
      Optional<String> otherWarmStart,
      List<StageSettings> otherStages,
      Map<String, String> otherSpark) {
    return new RunConfig(
        otherRun,
        otherStorage,
        otherTeacher,
        otherData,
        seed,
        shuffleBlock,
        workers,
        threadsPerWorker,
        workerMemory,
        device,
        elementType,
        shardOptimizer,
        gradientType,
        student,
        otherWarmStart,
        otherStages,
        checkpoints,
        evaluation,
        timeouts,
        security,
        supervision,
        localCache,
        localCacheBytes,
        otherSpark);
  }

  /** Adds what is wrong between settings that are each allowed by themselves. */
  public void check(Problems problems) {
    if (!RUN_NAME.matcher(run).matches()) {
      problems.add(
          "run",
          "'" + run + "'",
          "allowed are letters, digits, dots, dashes and underscores, a letter or digit first.");
    }
    checkNotBlank("storage", storage, problems);
    checkNotBlank("teacher", teacher, problems);
    checkNotBlank("data", data, problems);
    if (!MEMORY.matcher(workerMemory).matches()) {
      problems.add("worker-memory", workerMemory, "allowed is a size such as 1g or 1500m.");
    }
    if (supervision.minWorkers() > workers) {
      problems.add(
          "supervision.min-workers",
          supervision.minWorkers(),
          "more than workers, which is " + workers + ".");
    }
    if (new HashSet<>(student.attentionBlocks()).size() < student.attentionBlocks().size()) {
      problems.add(
          "student.attention-blocks", student.attentionBlocks(), "a block is named twice.");
    }
    for (String key : spark.keySet()) {
      if (!key.startsWith("spark.")) {
        problems.add("spark", key, "the names of Spark's settings start with 'spark.'.");
      }
    }
    checkStages(problems);
  }

  private static void checkNotBlank(String key, String value, Problems problems) {
    if (value.isBlank()) {
      problems.add(key, "''", "allowed is a path or URI.");
    }
  }

  private void checkStages(Problems problems) {
    if (stages.isEmpty()) {
      problems.add("stages", "[]", "at least one of matrix, hidden and distill is needed.");
    }
    for (int i = 0; i < stages.size(); i++) {
      StageSettings stage = stages.get(i);
      String key = "stages[" + i + "]";
      String name = ValueType.write(stage.name());
      if (i > 0 && stage.name() == stages.get(i - 1).name()) {
        problems.add(key + ".name", name, "the stage is given twice.");
      } else if (i > 0 && stage.name().compareTo(stages.get(i - 1).name()) < 0) {
        problems.add(key + ".name", name, "out of order; the order is matrix, hidden, distill.");
      }
      if (stage.batchTokens() % workers != 0) {
        problems.add(
            key + ".batch-tokens",
            stage.batchTokens(),
            "not a multiple of workers, which is " + workers + ".");
      }
      if (stage.warmup() + stage.decay() > 1) {
        problems.add(
            key,
            "warmup " + stage.warmup() + ", decay " + stage.decay(),
            "together they are more than the whole stage, which is 1.");
      }
      if (stage.beta1() == 1 || stage.beta2() == 1) {
        problems.add(
            key,
            "beta1 " + stage.beta1() + ", beta2 " + stage.beta2(),
            "both must be less than 1.");
      }
    }
  }

  /**
   * Adds what does not fit the data set and the teacher.
   *
   * @param rowLength tokens per row of the data set
   * @param teacherBlocks blocks of the teacher
   * @param teacherPositions positions that the teacher was made for
   * @param problems where to add
   */
  public void checkFit(int rowLength, int teacherBlocks, int teacherPositions, Problems problems) {
    if (rowLength > teacherPositions) {
      problems.add(
          "data",
          data,
          "its rows have "
              + rowLength
              + " tokens but the teacher "
              + teacher
              + " takes at most "
              + teacherPositions
              + "; prepare it with a smaller seq-len.");
    }
    for (int block : student.attentionBlocks()) {
      if (block < 0 || block >= teacherBlocks) {
        problems.add(
            "student.attention-blocks",
            block,
            "the teacher's blocks are 0 to " + (teacherBlocks - 1) + ".");
      }
    }
    long unit = (long) rowLength * workers;
    for (int i = 0; i < stages.size(); i++) {
      long batchTokens = stages.get(i).batchTokens();
      if (batchTokens % unit != 0) {
        problems.add(
            "stages[" + i + "].batch-tokens",
            batchTokens,
            "not a multiple of the row length times workers, "
                + rowLength
                + " * "
                + workers
                + " = "
                + unit
                + "; the nearest is "
                + Math.max(1, Math.round((double) batchTokens / unit)) * unit
                + ".");
      }
    }
  }
}
