package io.sparkhawk.executor.evaluate;

import io.sparkhawk.data.token.Tokenizer;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.ModelFolder;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.tensor.LocalDevice;
import io.sparkhawk.executor.tensor.Threads;
import io.sparkhawk.executor.train.HadoopSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/**
 * Scores tasks with models, one model after the other. The ranks take contiguous shares of each
 * task's examples and exchange what came out, so that all have the same results.
 */
public final class TaskEvaluation {

  private final TaskPlan plan;
  private final Collective collective;
  private final Configuration hadoop;

  private TaskEvaluation(TaskPlan plan, Collective collective) {
    this.plan = plan;
    this.collective = collective;
    this.hadoop = HadoopSettings.over(plan.hadoop());
  }

  /** Scores the plan's tasks with its models; called by all ranks. */
  public static TaskResults run(TaskPlan plan, Collective collective) {
    Threads.limit(plan.threadsPerWorker());
    return new TaskEvaluation(plan, collective).run();
  }

  private TaskResults run() {
    List<Task> tasks = plan.taskFiles().stream().map(file -> Task.read(hadoop, file)).toList();
    List<Path> folders =
        plan.modelFolders().stream()
            .map(uri -> ModelFolder.local(hadoop, uri, Path.of(plan.localCache())))
            .toList();
    int maxLength = plan.maxLength();
    for (Path folder : folders) {
      maxLength = Math.min(maxLength, positions(folder));
    }
    List<List<List<Outcome>>> byModel = new ArrayList<>();
    for (Path folder : folders) {
      byModel.add(scoreAll(tasks, folder, maxLength));
    }
    List<TaskOutcomes> outcomes = new ArrayList<>();
    for (int i = 0; i < tasks.size(); i++) {
      int task = i;
      outcomes.add(
          new TaskOutcomes(
              tasks.get(i).name(),
              tasks.get(i).kind(),
              byModel.stream().map(byTask -> byTask.get(task)).toList()));
    }
    return new TaskResults(maxLength, outcomes);
  }

  /** The most tokens that a model can read; a student without attention has no limit. */
  private static int positions(Path folder) {
    int positions =
        StudentConfig.isIn(folder)
            ? StudentConfig.read(folder).maxPositions()
            : PhiConfig.read(folder).maxPositions();
    return positions == 0 ? Integer.MAX_VALUE : positions;
  }

  private List<List<Outcome>> scoreAll(List<Task> tasks, Path folder, int maxLength) {
    org.apache.hadoop.fs.Path tokenizerFile =
        new org.apache.hadoop.fs.Path(folder.resolve("tokenizer.json").toUri());
    try (Tokenizer tokenizer = Tokenizer.read(hadoop, tokenizerFile);
        LanguageModel model =
            Models.load(folder, LocalDevice.of(plan.device()), plan.elementType())) {
      tokenizer.requireFits((int) model.vocabulary(), folder.toString());
      RequestEncoder encoder =
          new RequestEncoder(
              tokenizer::encode,
              () -> tokenizer.requireId(plan.endOfText(), "end-of-text"),
              maxLength);
      ContinuationScorer scorer =
          new ContinuationScorer(model, ContinuationScorer.POSITIONS_AT_ONCE);
      return tasks.stream().map(task -> exchange(score(task, encoder, scorer))).toList();
    }
  }

  /** This rank's share of a task. */
  private List<Outcome> score(Task task, RequestEncoder encoder, ContinuationScorer scorer) {
    long count = task.examples().size();
    int first = (int) (count * collective.rank() / collective.worldSize());
    int end = (int) (count * (collective.rank() + 1) / collective.worldSize());
    return score(task.kind(), task.examples().subList(first, end), encoder, scorer);
  }

  /** The outcomes of examples, in their order. */
  static List<Outcome> score(
      TaskKind kind, List<Example> examples, RequestEncoder encoder, ContinuationScorer scorer) {
    List<EncodedRequest> requests = new ArrayList<>();
    for (Example example : examples) {
      example.requests().forEach(r -> requests.add(encoder.encode(r, example.place())));
    }
    List<Score> scores = scorer.score(requests);
    List<Outcome> outcomes = new ArrayList<>();
    int at = 0;
    for (Example example : examples) {
      int end = at + example.requests().size();
      boolean truncated = requests.subList(at, end).stream().anyMatch(EncodedRequest::truncated);
      outcomes.add(Outcome.of(kind, example, scores.subList(at, end), truncated));
      at = end;
    }
    return outcomes;
  }

  private List<Outcome> exchange(List<Outcome> own) {
    return collective.allGather(OutcomeBytes.write(own)).stream()
        .flatMap(bytes -> OutcomeBytes.read(bytes).stream())
        .toList();
  }
}
