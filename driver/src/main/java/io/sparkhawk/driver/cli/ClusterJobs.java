package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.GenerateSettings;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.launch.ClusterWorkers;
import io.sparkhawk.driver.launch.Distillation;
import io.sparkhawk.driver.launch.RunListeners;
import io.sparkhawk.driver.metrics.RunMetrics;
import io.sparkhawk.driver.progress.ComparisonFile;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.retrain.Retraining;
import io.sparkhawk.driver.retrain.RoundListener;
import io.sparkhawk.driver.retrain.RoundSummary;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.driver.run.RunFolder;
import io.sparkhawk.driver.run.RunProgress;
import io.sparkhawk.driver.tab.TabProgress;
import io.sparkhawk.executor.compare.ComparisonPlan;
import io.sparkhawk.executor.compare.ComparisonTask;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.logging.LogPlace;
import io.sparkhawk.executor.train.ModelTasks;
import io.sparkhawk.executor.train.StageTrainer;
import io.sparkhawk.executor.train.TrainingPlan;
import io.sparkhawk.executor.worker.TcpRingOpener;
import java.io.PrintStream;
import java.time.InstantSource;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;

/**
 * The commands' work: Spark prepares data in the driver, trains and measures in workers; texts are
 * generated in this process without it.
 */
final class ClusterJobs implements Jobs {

  private static final ClusterWorkers.Bodies BODIES =
      new ClusterWorkers.Bodies(
          StageTrainer::train,
          (plan, collective, listener) -> ModelTasks.evaluateTeacher(plan, collective),
          (plan, collective, listener) -> {
            ModelTasks.export(plan, collective);
            return true;
          },
          (plan, collective, listener) -> ModelTasks.evaluateStudent(plan, collective),
          (plan, collective, listener) -> ComparisonTask.run(ComparisonPlan.of(plan), collective));

  private final PrintStream out;
  private final PrintStream err;

  ClusterJobs(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public void prepare(PrepareSettings settings) {
    try (ConsoleProgress console = ConsoleProgress.forThisProcess(out)) {
      new Preparation(console).run(settings);
    }
  }

  @Override
  public void distill(RunConfig config) {
    try (ConsoleProgress console = ConsoleProgress.forThisProcess(out)) {
      distill(config, console);
    }
  }

  private static void distill(RunConfig config, ConsoleProgress console) {
    LogPlace.enterRun(config.run());
    TrainingPlan plan = Plans.training(config);
    RunFolder folder = RunFolder.open(config, plan);
    RunMetrics metrics = new RunMetrics(config.run(), config.workers(), InstantSource.system());
    TabProgress tab =
        new TabProgress(plan.run(), plan.stages(), folder.vocabularySize(), InstantSource.system());
    try (RunProgress progress = new RunProgress(console, folder)) {
      new Distillation(
              folder,
              () ->
                  ClusterWorkers.start(
                      "sparkhawk " + config.run(),
                      Plans.cluster(config).watched(folder.makeEventFolder()),
                      new TcpRingOpener(),
                      Plans.timeouts(config.timeouts()),
                      config.supervision(),
                      folder::samples,
                      BODIES,
                      spark -> {
                        metrics.register();
                        watch(spark, tab, folder, console);
                      }),
              new RunListeners(List.of(progress, tab, metrics)),
              InstantSource.system())
          .run(plan);
      console.message("Report: " + folder.report().toUri().getPath());
    }
  }

  private static void watch(
      SparkContext spark, TabProgress tab, RunFolder folder, ConsoleProgress console) {
    tab.watch(spark, folder.steps()).ifPresent(page -> console.message("Watch it at " + page));
  }

  @Override
  public void evaluate(EvaluateSettings settings) {
    try (ConsoleProgress console = ConsoleProgress.forThisProcess(out)) {
      new EvaluationJob(console).run(settings);
    }
  }

  @Override
  public void retrain(RetrainConfig config) {
    try (ConsoleProgress console = ConsoleProgress.forThisProcess(out)) {
      List<RoundSummary> unused =
          retraining(config, console, new RetrainingProgress(console)).run();
    }
  }

  @Override
  public void abandonRound(RetrainConfig config) {
    try (ConsoleProgress console = ConsoleProgress.forThisProcess(out)) {
      String round = retraining(config, console, new RetrainingProgress(console)).abandon();
      console.message("Gave up round " + round);
    }
  }

  /** Retraining with the workers of this program. */
  static Retraining retraining(
      RetrainConfig config, ConsoleProgress console, RoundListener listener) {
    Configuration hadoop = Plans.hadoopConfiguration();
    Path folder = Storage.path(config.folder());
    return new Retraining(
        config,
        hadoop,
        new RetrainingWork(console, ClusterJobs::distill),
        listener,
        () -> RunFolder.hold(Storage.of(hadoop, folder), folder),
        InstantSource.system());
  }

  @Override
  public void generate(GenerateSettings settings, String prompt) {
    new TextGeneration(out, err).run(Plans.generation(settings, prompt));
  }

  @Override
  public void compare(ComparisonPlan plan, Path runFolder) {
    try (ConsoleProgress console = ConsoleProgress.forThisProcess(out)) {
      console.message("Comparing " + plan.studentFolder() + " with " + plan.teacherFolder());
      ModelComparison comparison = ComparisonTask.run(plan);
      FileSystem files = Storage.of(Plans.hadoopConfiguration(), runFolder).fileSystem();
      ComparisonFile.write(files, runFolder, comparison);
    }
  }
}
