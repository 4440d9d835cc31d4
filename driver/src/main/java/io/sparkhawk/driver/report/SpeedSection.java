package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.duration;

import io.sparkhawk.executor.train.StageResult;
import java.util.List;

/** Where the time went. */
final class SpeedSection {

  private final RunReport report;
  private final ReportData data;

  SpeedSection(RunReport report, ReportData data) {
    this.report = report;
    this.data = data;
  }

  /** Where the training time went. */
  String time() {
    if (data.time().isEmpty()) {
      return Html.none("No training steps were recorded.");
    }
    List<List<String>> rows =
        data.time().stream()
            .map(
                time ->
                    List.of(
                        StageText.of(time.stage()).title(),
                        duration(time.compute()),
                        duration(time.waiting()),
                        duration(time.data()),
                        duration(time.checkpoints()),
                        duration(time.other())))
            .toList();
    return Html.table(
        "Training time of one worker",
        List.of("Stage", "Compute", "Wait for gradients", "Wait for data", "Checkpoints", "Other"),
        rows);
  }

  /** How much of the run was training. */
  String wallTime() {
    if (!TrainedTokens.hasEnded(report)) {
      return "";
    }
    double training = report.stages().stream().mapToDouble(StageResult::seconds).sum();
    return "Of the "
        + Html.unbroken(duration(report.summary().wallSeconds()))
        + " of this run "
        + Html.unbroken(duration(training))
        + " were training, the rest start-up, evaluation and export.";
  }
}
