package io.sparkhawk.driver.retrain;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.report.TablesPage;
import java.util.ArrayList;
import java.util.List;

/**
 * One start of retraining for people and programs: the rounds that ended in it, or why there was
 * none. It lies in the model's folder, where each start that comes to its end replaces that of the
 * start before; each round's own summary stays.
 *
 * @param model name of the model
 * @param statement what was done, in a sentence
 * @param rounds that ended in this start; none if nothing was new
 * @param partitions that rounds have taken, in all
 * @param productionVersion the version in production at the end; 0 if there is none
 * @param productionModel folder of its student; empty if there is none
 * @param seconds that the start took
 * @param at when it ended, in ISO 8601
 */
public record StartSummary(
    String model,
    String statement,
    List<Ended> rounds,
    int partitions,
    long productionVersion,
    String productionModel,
    double seconds,
    String at) {

  /** Name of the summary in the model's folder. */
  public static final String FILE_NAME = "last-start.json";

  /** Name of the page in the model's folder. */
  static final String PAGE_NAME = "last-start.html";

  public StartSummary {
    rounds = List.copyOf(rounds);
  }

  /**
   * A round that ended.
   *
   * @param round its identity, which is also the name of its folder
   * @param tokens that it trained on
   * @param workerHours that it took
   * @param verdict whether it was promoted, or why not
   */
  public record Ended(String round, long tokens, double workerHours, String verdict) {

    static Ended of(RoundSummary summary) {
      return new Ended(
          summary.round().id(),
          summary.trained().tokens(),
          summary.workerHours(),
          summary.verdict());
    }
  }

  String html() {
    TablesPage page = new TablesPage("Sparkhawk retraining", model + ", the last start", statement);
    page.section("This start", "What was done", List.of("", "Value"), facts());
    if (!rounds.isEmpty()) {
      page.section(
          "The rounds",
          "Rounds that ended",
          List.of("Round", "Tokens", "Worker hours", "Verdict"),
          rounds.stream()
              .map(
                  round ->
                      List.of(
                          round.round(),
                          Figures.count(round.tokens()),
                          Gate.number(round.workerHours()),
                          round.verdict()))
              .toList());
    }
    return page.html();
  }

  private List<List<String>> facts() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("Ended at", at));
    rows.add(List.of("Time", Figures.duration(seconds)));
    rows.add(List.of("Rounds that ended", Figures.count(rounds.size())));
    rows.add(List.of("Partitions taken so far", Figures.count(partitions)));
    rows.add(
        List.of(
            "In production",
            productionVersion == 0
                ? "nothing yet"
                : "version " + productionVersion + ", " + productionModel));
    return rows;
  }
}
