package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.measure;
import static io.sparkhawk.driver.progress.Figures.scientific;
import static io.sparkhawk.driver.progress.Figures.shortCount;

import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepMetrics;
import java.util.List;
import java.util.stream.IntStream;

/** The curves of each stage over its steps. */
final class TrainingSection {

  private static final int CURVE_ROWS = 12;

  private final RunReport report;
  private final ReportData data;

  TrainingSection(RunReport report, ReportData data) {
    this.report = report;
    this.data = data;
  }

  /** For each stage the frames of its charts, with a table of its curves. */
  String html() {
    StringBuilder html = new StringBuilder();
    for (int i = 0; i < data.stages().size(); i++) {
      html.append(stageCharts(i, data.stages().get(i)));
    }
    return html.isEmpty() ? Html.none("No training steps were recorded.") : html.toString();
  }

  private String stageCharts(int index, ReportData.Stage stage) {
    StageText text = StageText.of(stage.name());
    String heading =
        "<article class=\"stage %s\"><h3>%s</h3>".formatted(text.name(), Html.escape(text.title()));
    if (stage.steps() == 0) {
      return heading + "<p class=\"none\">No steps were recorded.</p></article>\n";
    }
    return heading
        + "<p class=\"unit\">%s steps%s%s%s</p>"
            .formatted(
                count(stage.steps()),
                outcome(stage.name()),
                notFinite(stage.notFinite()),
                skipped(stage.name()))
        + plot("loss", index, "Loss", text.loss(), text.title())
        + plot("gradient-norm", index, "Gradient norm", "before clipping", text.title())
        + plot("learning-rate", index, "Learning rate", "", text.title())
        + Html.details(curves(stage))
        + "</article>\n";
  }

  private String outcome(StageKind stage) {
    return report.stages().stream()
        .filter(result -> result.stage() == stage)
        .map(result -> ", loss " + measure(result.firstLoss()) + " → " + measure(result.lastLoss()))
        .findFirst()
        .orElse(", not finished");
  }

  private static String notFinite(long steps) {
    if (steps == 0) {
      return "";
    }
    return "; <strong>%s with a loss that is not finite</strong>".formatted(count(steps));
  }

  private String skipped(StageKind stage) {
    long skipped =
        report.stages().stream()
            .filter(result -> result.stage() == stage)
            .mapToLong(StageResult::skippedSteps)
            .sum();
    return skipped == 0
        ? ""
        : "; <strong>%s left out, as loss or gradient were not finite</strong>"
            .formatted(count(skipped));
  }

  private static String plot(String kind, int stage, String title, String unit, String of) {
    return Html.plot(
        kind,
        title,
        unit,
        " data-stage=\"%d\"".formatted(stage),
        title + " over the steps of " + of + "; numbers in the table below");
  }

  private String curves(ReportData.Stage stage) {
    List<StepMetrics> steps =
        report.steps().stream().filter(step -> step.stage() == stage.name()).toList();
    int last = steps.size() - 1;
    int rows = Math.min(CURVE_ROWS, steps.size());
    List<List<String>> cells =
        IntStream.range(0, rows)
            .map(row -> rows == 1 ? last : (int) ((long) row * last / (rows - 1)))
            .mapToObj(steps::get)
            .map(
                step ->
                    List.of(
                        count(step.step()),
                        shortCount((double) step.tokens()),
                        measure(step.loss()),
                        measure(step.gradientNorm()),
                        scientific(step.learningRate())))
            .toList();
    return Html.table(
        "Some of the steps",
        List.of("Step", "Tokens", "Loss", "Gradient norm", "Learning rate"),
        cells);
  }
}
