package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.RunSummary;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * What a comparison needs of a run: little, whatever the number of its steps, so that many runs fit
 * side by side.
 *
 * @param folder the run's folder, as it is shown
 * @param summary the headline numbers
 * @param trained what was trained on
 * @param ended whether the run came to its end
 * @param settings its configuration, one setting each; empty if it is not known
 * @param losses the smoothed loss of each stage over the tokens of the stage, by the stage's name
 * @param stations perplexities on the way
 * @param profile perplexities of teacher and student by position and source
 */
public record ComparedRun(
    String folder,
    RunSummary summary,
    TrainedTokens trained,
    boolean ended,
    Map<String, String> settings,
    Map<String, Curve> losses,
    List<ReportData.Station> stations,
    ProfileData profile) {

  /** Points of a curve that is one of many. */
  private static final int POINTS = 300;

  public ComparedRun {
    Objects.requireNonNull(folder, "folder");
    Objects.requireNonNull(summary, "summary");
    stations = List.copyOf(stations);
  }

  /** Takes what is needed of a report. */
  public static ComparedRun of(String folder, RunReport report) {
    ReportData data = ReportData.of(report);
    Map<String, Long> batches =
        report.steps().stream()
            .collect(
                Collectors.toMap(
                    step -> step.stage().label(),
                    step -> step.tokens() / step.step(),
                    (first, later) -> first));
    Map<String, Curve> losses = new LinkedHashMap<>();
    for (ReportData.Stage stage : data.stages()) {
      String name = StageText.of(stage.name()).name();
      if (stage.smoothLoss().size() > 0) {
        losses.put(name, overTokens(stage.smoothLoss().thinned(POINTS), batches.get(name)));
      }
    }
    return new ComparedRun(
        folder,
        report.summary(),
        TrainedTokens.of(report),
        TrainedTokens.hasEnded(report),
        FlatSettings.of(report.configuration()),
        losses,
        data.journey().stations(),
        data.profile());
  }

  /** Steps of runs with different batches are different; tokens are not. */
  private static Curve overTokens(Curve overSteps, long batchTokens) {
    return new Curve(
        overSteps.x().stream().map(step -> step * batchTokens).toList(), overSteps.y());
  }
}
