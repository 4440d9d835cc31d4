package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.launch.ClusterSession;
import io.sparkhawk.driver.launch.StageLauncher;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.registry.ModelScores;
import io.sparkhawk.driver.retrain.RoundWork;
import io.sparkhawk.driver.retrain.Trained;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.driver.run.RunFolder;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.ModelTasks;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.TrainingListener;
import io.sparkhawk.executor.train.TrainingPlan;
import io.sparkhawk.executor.worker.TcpRingOpener;
import java.util.List;
import java.util.function.BiConsumer;

/** The work of retraining, by what the other commands do. */
final class RetrainingWork implements RoundWork {

  private final ConsoleProgress console;
  private final BiConsumer<RunConfig, ConsoleProgress> distilling;

  /**
   * @param distilling runs a distillation to its end
   */
  RetrainingWork(ConsoleProgress console, BiConsumer<RunConfig, ConsoleProgress> distilling) {
    this.console = console;
    this.distilling = distilling;
  }

  @Override
  public void prepare(PrepareSettings settings) {
    new Preparation(console).run(settings);
  }

  @Override
  public void exportStage(RunConfig run, StageKind stage, String folder) {
    console.message(
        "Writing the student as stage " + stage.label() + " of " + run.runFolder() + " left it");
    int index = run.stages().stream().map(StageSettings::name).toList().indexOf(stage);
    TrainingPlan plan = Plans.training(run).atStage(index);
    try (ClusterSession session = ClusterSession.start("sparkhawk export", Plans.exporting(run))) {
      boolean unused =
          new StageLauncher(session, new TcpRingOpener(), Plans.timeouts(run.timeouts()))
              .run(
                  "export of a student",
                  plan,
                  (p, collective, listener) -> {
                    ModelTasks.export(p, folder, collective);
                    return true;
                  },
                  TrainingListener.SILENT);
    }
  }

  @Override
  public Trained distill(RunConfig config) {
    distilling.accept(config, console);
    RunFolder folder = RunFolder.open(config, Plans.training(config));
    RunSummary summary = folder.summary();
    return new Trained(
        config.runFolder() + "/" + ModelTasks.STUDENT_FOLDER,
        summary.tokens(),
        summary.stages().stream().mapToDouble(RunSummary.Stage::seconds).sum(),
        summary.lostSeconds(),
        summary.workers(),
        folder.teacherSha256());
  }

  @Override
  public List<ModelScores> measure(EvaluateSettings settings, List<String> models) {
    return new EvaluationJob(console).scores(settings, models);
  }
}
