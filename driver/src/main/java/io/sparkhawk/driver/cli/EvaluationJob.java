package io.sparkhawk.driver.cli;

import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.launch.ClusterSession;
import io.sparkhawk.driver.launch.StageLauncher;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.driver.registry.ModelScores;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.executor.evaluate.Metric;
import io.sparkhawk.executor.evaluate.Task;
import io.sparkhawk.executor.evaluate.TaskEvaluation;
import io.sparkhawk.executor.evaluate.TaskOutcomes;
import io.sparkhawk.executor.evaluate.TaskPlan;
import io.sparkhawk.executor.evaluate.TaskResults;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.EvaluationPlan;
import io.sparkhawk.executor.train.ModelTasks;
import io.sparkhawk.executor.train.TrainingListener;
import io.sparkhawk.executor.worker.TcpRingOpener;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.hadoop.fs.Path;

/** The evaluate command's work: measures on the workers, shows a table, writes the results. */
final class EvaluationJob {

  private final ConsoleProgress console;

  EvaluationJob(ConsoleProgress console) {
    this.console = console;
  }

  /**
   * What was measured.
   *
   * @param perplexities one for each model, or none
   */
  private record Measured(List<Evaluation> perplexities, Optional<TaskResults> tasks) {}

  void run(EvaluateSettings settings) {
    Measured measured = measure(settings, settings.models());
    EvaluationTable table =
        EvaluationTable.of(settings.models(), measured.perplexities(), measured.tasks());
    table.lines().forEach(console::message);
    settings.json().ifPresent(file -> write(table.results(), file));
  }

  /**
   * Measures any number of models on a data set and, if there are any, on tasks.
   *
   * @return one for each model
   */
  List<ModelScores> scores(EvaluateSettings settings, List<String> models) {
    Measured measured = measure(settings, models);
    List<ModelScores> scores = new ArrayList<>();
    for (int i = 0; i < models.size(); i++) {
      Map<String, Double> accuracies = new TreeMap<>();
      for (TaskOutcomes task : measured.tasks().map(TaskResults::tasks).orElse(List.of())) {
        accuracies.put(task.task(), Metric.ACC.of(task.byModel().get(i)).value());
      }
      Evaluation heldOut = measured.perplexities().get(i);
      scores.add(new ModelScores(heldOut.perplexity(), heldOut.tokens(), accuracies));
    }
    return scores;
  }

  private Measured measure(EvaluateSettings settings, List<String> models) {
    Optional<TaskPlan> tasks =
        settings.tasks().isEmpty() ? Optional.empty() : Optional.of(Plans.tasks(settings, models));
    // A malformed line is found before workers are started.
    tasks.ifPresent(
        plan -> plan.taskFiles().forEach(f -> Task.read(Plans.hadoopConfiguration(), f)));
    try (ClusterSession session =
        ClusterSession.start("sparkhawk evaluate", Plans.cluster(settings))) {
      StageLauncher launcher =
          new StageLauncher(session, new TcpRingOpener(), WorkerTimeouts.DEFAULT);
      List<Evaluation> perplexities = new ArrayList<>();
      settings
          .data()
          .ifPresent(
              data ->
                  models.stream()
                      .map(model -> Plans.perplexity(settings, model, data))
                      .forEach(plan -> perplexities.add(perplexity(launcher, plan))));
      Optional<TaskResults> results = tasks.map(plan -> score(launcher, plan));
      return new Measured(perplexities, results);
    }
  }

  private Evaluation perplexity(StageLauncher launcher, EvaluationPlan plan) {
    console.message("Measuring the perplexity of " + plan.modelFolder());
    return launcher.run(
        "evaluation",
        plan,
        (p, collective, listener) -> ModelTasks.evaluate(p, collective),
        TrainingListener.SILENT);
  }

  private TaskResults score(StageLauncher launcher, TaskPlan plan) {
    console.message("Scoring tasks with " + String.join(" and ", plan.modelFolders()));
    return launcher.run(
        "scoring",
        plan,
        (p, collective, listener) -> TaskEvaluation.run(p, collective),
        TrainingListener.SILENT);
  }

  private void write(Object json, String file) {
    Path path = Storage.path(file);
    byte[] content = JsonFormat.pretty(json).getBytes(StandardCharsets.UTF_8);
    try (OutputStream out =
        Storage.of(Plans.hadoopConfiguration(), path).fileSystem().create(path, true)) {
      out.write(content);
    } catch (IOException e) {
      throw Storage.writeFailure(path, e);
    }
    console.message("Results: " + file);
  }
}
