package io.sparkhawk.driver.retrain;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.registry.ModelScores;
import io.sparkhawk.driver.report.TablesPage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/** The summary of a round as a page. */
final class RoundPage {

  /** Name of the page in the round's folder. */
  static final String FILE_NAME = "summary.html";

  /** Of very many files, the first say enough. */
  private static final int MOST_PARTITIONS = 100;

  private RoundPage() {}

  static String html(RoundSummary summary) {
    return new TablesPage(
            "Sparkhawk retraining",
            summary.model() + ", " + summary.round().id(),
            summary.verdict())
        .section("What was new", "The round's data", List.of("", "Value"), news(summary))
        .section("What it cost", "Training", List.of("", "Value"), cost(summary))
        .section("The models", "On the same text and tasks", modelHeader(summary), models(summary))
        .section(
            "The gates",
            "Conditions of a promotion",
            List.of("Gate", "Value", "Limit", "Holds"),
            gates(summary))
        .html();
  }

  private static List<List<String>> news(RoundSummary summary) {
    RoundData data = summary.data();
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("New partitions", Figures.count(summary.partitions().size())));
    summary.partitions().stream()
        .limit(MOST_PARTITIONS)
        .forEach(name -> rows.add(List.of("Partition", name)));
    rows.add(List.of("New bytes, as stored", Figures.count(summary.bytes())));
    rows.add(List.of("New documents", Figures.count(summary.documents())));
    rows.add(List.of("New tokens", Figures.count(data.newTokens())));
    rows.add(
        List.of("Tokens of rounds that were not promoted", Figures.count(data.carriedTokens())));
    rows.add(
        List.of(
            "Tokens of rounds before (replay)",
            String.format(
                Locale.ROOT, "%,d (%.1f %%)", data.replayTokens(), 100 * data.replayShare())));
    rows.add(List.of("Held-out tokens", Figures.count(data.heldOutTokens())));
    return rows;
  }

  private static List<List<String>> cost(RoundSummary summary) {
    Trained trained = summary.trained();
    return List.of(
        List.of("Stages", String.join(", ", summary.stages())),
        List.of("Tokens trained on", Figures.count(trained.tokens())),
        List.of("Time of training", time(trained.seconds())),
        List.of("Lost by restarts", time(trained.lostSeconds())),
        List.of("Workers", Figures.count(trained.workers())),
        List.of("Worker hours", String.format(Locale.ROOT, "%.2f", summary.workerHours())),
        List.of("Time of measuring", time(summary.comparison().seconds())),
        List.of("Time of the last session", time(summary.sessionSeconds())));
  }

  private static String time(double seconds) {
    return Figures.duration(Duration.ofMillis(Math.round(seconds * 1000)).toMillis() / 1e3);
  }

  private static List<String> modelHeader(RoundSummary summary) {
    List<String> header = new ArrayList<>(List.of("", "Candidate", "Teacher"));
    if (!summary.comparison().production().isEmpty()) {
      header.add("Production (version " + summary.comparison().productionVersion() + ")");
    }
    return header;
  }

  private static List<List<String>> models(RoundSummary summary) {
    Comparison models = summary.comparison();
    List<ModelScores> all = new ArrayList<>(List.of(models.candidate(), models.teacher()));
    all.addAll(models.production());
    List<List<String>> rows = new ArrayList<>();
    List<String> perplexities = new ArrayList<>(List.of("Perplexity"));
    all.forEach(model -> perplexities.add(Gate.number(model.perplexity())));
    rows.add(perplexities);
    for (String task : new TreeSet<>(models.candidate().tasks().keySet())) {
      List<String> row = new ArrayList<>(List.of("Accuracy on " + task));
      all.forEach(model -> row.add(Gate.number(model.tasks().getOrDefault(task, Double.NaN))));
      rows.add(row);
    }
    return rows;
  }

  private static List<List<String>> gates(RoundSummary summary) {
    return summary.gates().stream()
        .map(
            gate ->
                List.of(
                    gate.name(),
                    Gate.number(gate.value()),
                    (gate.atLeast() ? "at least " : "at most ") + Gate.number(gate.limit()),
                    gate.holds() ? "yes" : "no"))
        .toList();
  }
}
