package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.GenerateSettings;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.launch.ClusterWorkers;
import io.sparkhawk.driver.launch.Distillation;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.driver.run.RunFolder;
import io.sparkhawk.driver.run.RunProgress;
import io.sparkhawk.executor.train.ModelTasks;
import io.sparkhawk.executor.train.StageTrainer;
import io.sparkhawk.executor.train.TrainingPlan;
import io.sparkhawk.executor.worker.TcpRingOpener;
import java.io.PrintStream;
import java.time.InstantSource;

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
          (plan, collective, listener) -> ModelTasks.evaluateStudent(plan, collective));

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
    TrainingPlan plan = Plans.training(config);
    RunFolder folder = RunFolder.open(config, plan);
    try (ConsoleProgress console = ConsoleProgress.forThisProcess(out);
        RunProgress progress = new RunProgress(console, folder)) {
      new Distillation(
              folder,
              () ->
                  ClusterWorkers.start(
                      "sparkhawk " + config.run(),
                      Plans.cluster(config),
                      new TcpRingOpener(),
                      Plans.timeouts(config.timeouts()),
                      config.supervision(),
                      folder::samples,
                      BODIES),
              progress,
              InstantSource.system())
          .run(plan);
      console.message("Report: " + folder.report().toUri().getPath());
    }
  }

  @Override
  public void evaluate(EvaluateSettings settings) {
    try (ConsoleProgress console = ConsoleProgress.forThisProcess(out)) {
      new EvaluationJob(console).run(settings);
    }
  }

  @Override
  public void generate(GenerateSettings settings, String prompt) {
    new TextGeneration(out, err).run(Plans.generation(settings, prompt));
  }
}
