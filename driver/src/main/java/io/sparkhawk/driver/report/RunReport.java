package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.FinalEvaluations;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepMetrics;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Everything that the report of one run is made from.
 *
 * @param summary the headline numbers
 * @param steps the steps that count, as {@code MetricsLog.read} gives them; may be empty
 * @param stages the finished stages in their order; may be empty
 * @param configuration the run's configuration as text, shown as it is
 * @param dataCounts what the data set holds, in the order to be shown: a label ("Documents") and a
 *     number
 * @param heldOut teacher and finished student on the held-out rows; empty in runs that have none
 * @param comparison both side by side; empty if they were not compared
 */
public record RunReport(
    RunSummary summary,
    List<StepMetrics> steps,
    List<StageResult> stages,
    String configuration,
    Map<String, Long> dataCounts,
    Optional<FinalEvaluations> heldOut,
    Optional<ModelComparison> comparison) {

  public RunReport {
    Objects.requireNonNull(summary, "summary");
    Objects.requireNonNull(configuration, "configuration");
    steps = List.copyOf(steps);
    stages = List.copyOf(stages);
    Objects.requireNonNull(heldOut, "heldOut");
    Objects.requireNonNull(comparison, "comparison");
    dataCounts = Collections.unmodifiableMap(new LinkedHashMap<>(dataCounts));
  }
}
