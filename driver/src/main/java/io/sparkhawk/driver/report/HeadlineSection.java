package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.duration;
import static io.sparkhawk.driver.progress.Figures.measure;
import static io.sparkhawk.driver.progress.Figures.shortCount;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.progress.RunSummary;
import java.util.Locale;

/** What came out, in a sentence and in six numbers. */
final class HeadlineSection {

  private final RunReport report;
  private final TrainedTokens trained;

  HeadlineSection(RunReport report) {
    this.report = report;
    this.trained = TrainedTokens.of(report);
  }

  /** What came out, in a sentence or two. */
  String lede() {
    RunSummary summary = report.summary();
    StringBuilder text = new StringBuilder();
    String training =
        "distilled from a Transformer on %s tokens by %s"
            .formatted(shortCount((double) trained.tokens()), workers(summary));
    if (TrainedTokens.hasEnded(report)) {
      text.append("A Mamba-2 student, ")
          .append(training)
          .append(" in ")
          .append(Html.unbroken(duration(summary.wallSeconds())))
          .append(". ");
    } else {
      text.append("This run has not ended. So far, a Mamba-2 student was ")
          .append(training)
          .append(". ");
    }
    if (Double.isFinite(summary.studentPerplexity())) {
      text.append("On held-out text its perplexity is ")
          .append(measure(summary.studentPerplexity()))
          .append("; the teacher’s is ")
          .append(measure(summary.teacherPerplexity()))
          .append(".");
    } else {
      text.append("The finished student has not been evaluated.");
    }
    return Html.escape(text.toString());
  }

  String figures() {
    RunSummary summary = report.summary();
    String heldOut = "perplexity, " + count(summary.perplexityTokens()) + " held-out tokens";
    return figure("Teacher", measure(summary.teacherPerplexity()), heldOut, "teacher")
        + figure("Student", measure(summary.studentPerplexity()), heldOut, "student")
        + figure("Student / teacher", ratio(summary), "1.00 × is lossless", "")
        + figure(
            "Training tokens",
            shortCount((double) trained.tokens()),
            summary.seqLen() > 0 ? "sequences of " + count(summary.seqLen()) : "",
            "")
        + figure("Wall time", duration(summary.wallSeconds()), "start-up to export", "")
        + figure(
            "Throughput",
            Double.isFinite(trained.perSecond())
                ? count(Math.round(trained.perSecond()))
                : Figures.NONE,
            "tokens/s, " + workers(summary),
            "");
  }

  static String workers(RunSummary summary) {
    return summary.workers() == 1 ? "1 worker" : count(summary.workers()) + " workers";
  }

  static String ratio(RunSummary summary) {
    double ratio = summary.studentPerplexity() / summary.teacherPerplexity();
    return Double.isFinite(ratio) ? String.format(Locale.ROOT, "%.2f ×", ratio) : Figures.NONE;
  }

  private static String figure(String label, String value, String note, String kind) {
    return "<div class=\"figure %s\"><dt>%s</dt><dd><b>%s</b><small>%s</small></dd></div>\n"
        .formatted(kind, Html.escape(label), Html.escape(value), Html.escape(note));
  }
}
