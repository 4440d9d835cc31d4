package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.registry.ModelScores;
import io.sparkhawk.driver.retrain.RoundWork;
import io.sparkhawk.driver.retrain.Trained;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.driver.run.RunFolder;
import io.sparkhawk.executor.train.ModelTasks;
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
