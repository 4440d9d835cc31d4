package io.sparkhawk.driver.run;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.sample.SampleOrder;
import io.sparkhawk.data.sample.ShuffleSpace;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.ConfigWriter;
import io.sparkhawk.driver.config.Problems;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.launch.DistillationResult;
import io.sparkhawk.driver.launch.RunHold;
import io.sparkhawk.driver.launch.RunRecord;
import io.sparkhawk.driver.progress.ComparisonFile;
import io.sparkhawk.driver.progress.FinalEvaluations;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.driver.progress.RunFiles;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.progress.StageResults;
import io.sparkhawk.driver.progress.TensorBoardLog;
import io.sparkhawk.driver.report.CardContent;
import io.sparkhawk.driver.report.ModelCard;
import io.sparkhawk.driver.report.ReportPage;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.model.ModelFolder;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.ModelTasks;
import io.sparkhawk.executor.train.RunIdentity;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.train.StepSamples;
import io.sparkhawk.executor.train.TrainingPlan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** The folder of a run: what it already holds, and what a finished run leaves in it. */
public final class RunFolder implements RunRecord {

  /** Name of the folder of Spark's event logs in a run folder. */
  public static final String EVENTS = "events";

  /** Name of the file with the run's settings in its folder. */
  private static final String CONFIGURATION = "configuration.yaml";

  private final RunConfig config;
  private final TrainingPlan plan;
  private final Configuration hadoop;
  private final Path folder;
  private final FileSystem files;
  private final DataManifest data;
  private final java.nio.file.Path teacherFolder;

  private RunFolder(
      RunConfig config,
      TrainingPlan plan,
      Configuration hadoop,
      Path folder,
      FileSystem files,
      DataManifest data,
      java.nio.file.Path teacherFolder) {
    this.config = config;
    this.plan = plan;
    this.hadoop = hadoop;
    this.folder = folder;
    this.files = files;
    this.data = data;
    this.teacherFolder = teacherFolder;
  }

  /**
   * Opens the run's folder, its data set and its teacher.
   *
   * @throws io.sparkhawk.data.error.SparkhawkException if data set or teacher are not there
   */
  public static RunFolder open(RunConfig config, TrainingPlan plan) {
    Configuration hadoop = Plans.configuration(plan.hadoop());
    Path folder = new Path(plan.runFolder());
    Path data = new Path(plan.dataFolder());
    return new RunFolder(
        config,
        plan,
        hadoop,
        folder,
        Storage.of(hadoop, folder).fileSystem(),
        DataManifest.read(Storage.of(hadoop, data).fileSystem(), data),
        ModelFolder.local(hadoop, plan.teacherFolder(), java.nio.file.Path.of(plan.localCache())));
  }

  /**
   * The settings of the run in a folder, by which its stages ended; without secrets, and with
   * absolute paths.
   *
   * @throws DataException if the folder has none
   */
  public static RunConfig configuration(Storage storage, Path folder) {
    String yaml =
        configurationText(storage, folder)
            .orElseThrow(
                () ->
                    new DataException(
                        "%s is not the folder of a run with a finished stage: there is no %s in it."
                            .formatted(folder, CONFIGURATION)));
    return ConfigReader.ofYaml(new Path(folder, CONFIGURATION).toString(), yaml)
        .read(RunConfig.class, RunConfig::check);
  }

  /** The same as text; empty until a stage has ended. */
  static Optional<String> configurationText(Storage storage, Path folder) {
    return RunFiles.read(storage.fileSystem(), new Path(folder, CONFIGURATION))
        .map(yaml -> new String(yaml, StandardCharsets.UTF_8));
  }

  /** Tokens in a row of the data set. */
  public int rowLength() {
    return data.seqLen();
  }

  /** Names the samples of the plan's stage. */
  public StepSamples samples(TrainingPlan plan) {
    return StepSamples.of(plan, data);
  }

  /** The checksum of the teacher that the run's finished stages were trained with. */
  public String teacherSha256() {
    StageSettings last = config.stages().get(config.stages().size() - 1);
    return CheckpointStore.open(hadoop, folder.toString())
        .requireCompleted(last.name().label())
        .hashes()
        .teacher();
  }

  /** The summary of the run, which has ended. */
  public RunSummary summary() {
    return RunSummary.read(files, new Path(folder, RunSummary.FILE_NAME));
  }

  /** Where the report will be. */
  public Path report() {
    return new Path(folder, ReportPage.FILE_NAME);
  }

  /** How many tokens the model chooses from. */
  public int vocabularySize() {
    return data.vocabularySize();
  }

  /** The steps that were made so far. */
  public List<StepMetrics> steps() {
    return MetricsLog.read(files, new Path(folder, MetricsLog.FILE_NAME));
  }

  /**
   * Makes the folder of Spark's event logs, where the run's folder is on a local disk.
   *
   * @return its URI; empty on other storages, some of which cannot append
   * @throws InfrastructureException if it cannot be made
   */
  public String makeEventFolder() {
    if (!Storage.of(files).isLocal()) {
      return "";
    }
    Path events = new Path(folder, EVENTS);
    try {
      files.mkdirs(events);
    } catch (IOException e) {
      throw new InfrastructureException(
          "The folder " + events + " cannot be made: " + e.getMessage() + ".", e);
    }
    return events.toString();
  }

  /** Where each step's figures are kept. */
  MetricsLog openMetrics() {
    return MetricsLog.open(files, new Path(folder, MetricsLog.FILE_NAME));
  }

  /** Where TensorBoard finds them. */
  TensorBoardLog openTensorBoard() {
    return TensorBoardLog.in(
        files, new Path(folder, TensorBoardLog.FOLDER_NAME), InstantSource.system());
  }

  @Override
  public void check(TrainingPlan plan) {
    PhiConfig teacher = PhiConfig.read(teacherFolder);
    Problems problems = Problems.in("run " + plan.run());
    checkElementType(problems);
    checkData(teacher, problems);
    checkCache(plan, problems);
    config.checkFit(data.seqLen(), teacher.blocks(), teacher.maxPositions(), problems);
    problems.throwIfAny();
    StudentConfig.of(teacher, plan.student());
    for (int i = 0; i < plan.stages().size(); i++) {
      newestOfThisRun(plan.atStage(i));
    }
    checkWritable();
  }

  @Override
  public RunHold hold() {
    return hold(Storage.of(files), folder);
  }

  /**
   * Takes a folder for this process until the hold is closed.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if another process holds it
   */
  public static RunHold hold(Storage storage, Path folder) {
    return LeaseHeartbeat.start(
        RunLease.acquire(storage, folder, LeaseHolder.thisProcess(), InstantSource.system()));
  }

  /** Checkpoints hold float32. */
  private void checkElementType(Problems problems) {
    if (config.computeType() == ElementType.FLOAT64) {
      problems.add("element-type", "float64", "training runs in float32 or bfloat16.");
    }
  }

  private void checkData(PhiConfig teacher, Problems problems) {
    if (data.vocabularySize() > teacher.vocabulary()) {
      problems.add(
          "data",
          config.data(),
          String.format(
              "its ids go up to %d, the teacher's vocabulary has %d; prepare it with the teacher's"
                  + " tokenizer.",
              data.vocabularySize() - 1, teacher.vocabulary()));
    }
    if (data.train().rows() == 0) {
      problems.add("data", config.data(), "it has no rows to train on.");
    }
  }

  /** Training must never wait for the storage again and again. */
  private void checkCache(TrainingPlan plan, Problems problems) {
    if (Storage.of(hadoop, new Path(plan.dataFolder())).isLocal()) {
      return;
    }
    SplitManifest train = data.train();
    long blockRows = SampleOrder.blockRows(plan.shuffleBlock(), data.seqLen());
    long needed = ShuffleSpace.bytes(train, blockRows);
    if (needed > plan.localCacheBytes()) {
      problems.add(
          "local-cache-bytes",
          plan.localCacheBytes(),
          String.format(
              "of %s, the shards of two blocks of shuffle-block %d tokens may take %d bytes; make"
                  + " that smaller or this larger.",
              config.data(), plan.shuffleBlock(), needed));
    }
  }

  private void checkWritable() {
    Path probe = new Path(folder, ".writable");
    try {
      files.mkdirs(folder);
      files.create(probe, true).close();
      files.delete(probe, false);
    } catch (IOException e) {
      throw Storage.writeFailure(folder, e);
    }
  }

  /** The newest checkpoint of the plan's stage, which must belong to this very run. */
  private Optional<CheckpointManifest> newestOfThisRun(TrainingPlan plan) {
    CheckpointStore store = CheckpointStore.open(hadoop, plan.runFolder());
    Optional<CheckpointManifest> newest = store.newest(plan.stage().name().label());
    newest.ifPresent(
        checkpoint ->
            store.requireSameRun(checkpoint, RunIdentity.of(plan, hadoop, teacherFolder)));
    return newest;
  }

  @Override
  public Optional<StageResult> finished(TrainingPlan plan) {
    boolean complete =
        newestOfThisRun(plan).map(newest -> newest.position().stageComplete()).orElse(false);
    return complete
        ? StageResults.read(files, folder).stream()
            .filter(result -> result.stage() == plan.stage().name())
            .findFirst()
        : Optional.empty();
  }

  @Override
  public void stageEnded(StageResult result) {
    String settings = ConfigWriter.write(located().withoutSecrets());
    RunFiles.write(
        files, new Path(folder, CONFIGURATION), settings.getBytes(StandardCharsets.UTF_8));
    StageResults.write(files, folder, result);
  }

  /** The settings as they are read anywhere: relative paths are those of this process. */
  private RunConfig located() {
    return config.forRound(
        config.run(),
        folder.getParent().toString(),
        plan.teacherFolder(),
        plan.dataFolder(),
        plan.warmStart(),
        config.stages());
  }

  @Override
  public void runEnded(DistillationResult result) {
    Path metrics = new Path(folder, MetricsLog.FILE_NAME);
    RunSummary summary =
        RunSummary.of(config.run())
            .workers(config.workers())
            .seqLen(data.seqLen())
            .perplexities(
                result.teacher().perplexity(),
                result.student().perplexity(),
                result.student().tokens())
            .stages(result.stages())
            .wallTime(result.duration())
            .events(MetricsLog.readEvents(files, metrics))
            .build();
    summary.write(files, new Path(folder, RunSummary.FILE_NAME));
    new FinalEvaluations(result.teacher(), result.student()).write(files, folder);
    result.comparison().ifPresent(comparison -> ComparisonFile.write(files, folder, comparison));
    ReportPage.write(files, report(), RunReports.read(hadoop, folder));
    ModelCard.write(
        files,
        new Path(new Path(folder, ModelTasks.STUDENT_FOLDER), ModelCard.FILE_NAME),
        card(summary));
  }

  private CardContent card(RunSummary summary) {
    PhiConfig teacher = PhiConfig.read(teacherFolder);
    StageSettings last = config.stages().get(config.stages().size() - 1);
    CheckpointManifest end =
        CheckpointStore.open(hadoop, folder.toString()).requireCompleted(last.name().label());
    return new CardContent(
        summary,
        config.stages(),
        config.teacher(),
        teacher,
        config.data(),
        data,
        end.hashes(),
        StudentConfig.of(teacher, config.student()),
        Optional.ofNullable(RunFolder.class.getPackage().getImplementationVersion())
            .orElse("(classes without a jar)"));
  }
}
