package io.sparkhawk.driver.cli;

import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.retrain.Comparison;
import io.sparkhawk.driver.retrain.Round;
import io.sparkhawk.driver.retrain.RoundData;
import io.sparkhawk.driver.retrain.RoundListener;
import io.sparkhawk.driver.retrain.RoundSummary;
import java.util.Locale;

/** Tells retraining on the console. */
class RetrainingProgress implements RoundListener {

  private final ConsoleProgress console;

  RetrainingProgress(ConsoleProgress console) {
    this.console = console;
  }

  @Override
  public void roundStarted(Round round, boolean before) {
    console.message(
        String.format(
            Locale.ROOT,
            "Round %s %s: %,d new partitions, %s",
            round.id(),
            before ? "goes on" : "begins",
            round.partitions().size(),
            round.warmStart().isEmpty()
                ? "starting from the teacher"
                : "starting from " + round.warmStart()));
  }

  @Override
  public void dataReady(RoundData data) {
    console.message(
        String.format(
            Locale.ROOT,
            "Data: %,d new tokens, %,d of rounds that were not promoted, %,d replayed (%.1f %%)",
            data.newTokens(),
            data.carriedTokens(),
            data.replayTokens(),
            100 * data.replayShare()));
    if (data.unfit() > 0) {
      console.message(
          "Nothing is replayed of "
              + data.unfit()
              + " rounds before: they were prepared with other settings");
    }
  }

  @Override
  public void measured(Comparison comparison) {
    String production =
        comparison.production().isEmpty()
            ? ""
            : String.format(
                Locale.ROOT,
                ", version %d in production %.2f",
                comparison.productionVersion(),
                comparison.production().get(0).perplexity());
    console.message(
        String.format(
            Locale.ROOT,
            "Perplexity: candidate %.2f, teacher %.2f%s",
            comparison.candidate().perplexity(),
            comparison.teacher().perplexity(),
            production));
  }

  @Override
  public void roundEnded(RoundSummary summary, String page) {
    console.message(summary.verdict());
    console.message("Summary: " + page);
  }

  @Override
  public void nothingNew(String reason, String page) {
    console.message(reason);
    console.message("Summary: " + page);
  }
}
