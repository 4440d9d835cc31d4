package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import java.util.EnumMap;
import java.util.Map;

/**
 * What was trained on: of a run that has ended as its summary says, of one that has not as its
 * steps say so far.
 *
 * @param tokens over all stages
 * @param perSecond of all workers together, over the time spent training; NaN if nothing was
 */
record TrainedTokens(long tokens, double perSecond) {

  static TrainedTokens of(RunReport report) {
    RunSummary summary = report.summary();
    if (hasEnded(report) || report.steps().isEmpty()) {
      return new TrainedTokens(summary.tokens(), summary.tokensPerSecond());
    }
    Map<StageKind, Long> newest = new EnumMap<>(StageKind.class);
    report.steps().forEach(step -> newest.put(step.stage(), step.tokens()));
    long tokens = newest.values().stream().mapToLong(Long::longValue).sum();
    double seconds =
        report.steps().stream().mapToDouble(StepMetrics::seconds).filter(Double::isFinite).sum();
    return new TrainedTokens(tokens, seconds > 0 ? tokens / seconds : Double.NaN);
  }

  /** Whether the run came to its end: until then nobody knows how long it takes. */
  static boolean hasEnded(RunReport report) {
    return Double.isFinite(report.summary().wallSeconds());
  }
}
