package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.duration;
import static io.sparkhawk.driver.progress.Figures.measure;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.executor.train.StageResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What each stage bought: from the untrained student to the finished one. */
final class StagesSection {

  private final RunReport report;

  StagesSection(RunReport report) {
    this.report = report;
  }

  /** One row per finished stage. */
  String table() {
    if (report.stages().isEmpty()) {
      return Html.none("No stage has finished.");
    }
    Gap gap = Gap.of(report.summary(), report.stages());
    List<List<String>> rows = new ArrayList<>();
    for (StageResult stage : report.stages()) {
      StageText text = StageText.of(stage.stage());
      rows.add(
          List.of(
              text.title(),
              count(stage.tokens()),
              measure(stage.firstLoss()),
              measure(stage.lastLoss()),
              measure(stage.before().perplexity()),
              measure(stage.after().perplexity()),
              share(gap.closedBy(stage)),
              duration(stage.seconds()),
              count(Math.round(stage.tokens() / stage.seconds()))));
    }
    return Html.table(
        "What each stage bought; the gap is that of the untrained student to the teacher",
        List.of(
            "Stage",
            "Tokens",
            "First loss",
            "Last loss",
            "Perplexity before",
            "Perplexity after",
            "Gap closed",
            "Time",
            "Tokens/s"),
        rows);
  }

  private static String share(double share) {
    return Double.isFinite(share)
        ? String.format(Locale.ROOT, "%.1f%%", 100 * share).replace('-', '−')
        : Figures.NONE;
  }

  /** Which tokens the perplexities were measured on. */
  String heldOut() {
    List<Long> between =
        report.stages().stream().map(stage -> stage.after().tokens()).distinct().toList();
    String all = count(report.summary().perplexityTokens());
    if (between.isEmpty() || between.equals(List.of(report.summary().perplexityTokens()))) {
      return "Every perplexity is measured on the same " + all + " held-out tokens.";
    }
    return "Between stages the first "
        + count(between.get(0))
        + " held-out tokens are used; for the teacher and the finished student all "
        + all
        + ".";
  }
}
