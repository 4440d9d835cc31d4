package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.train.StageResult;
import java.util.List;

/**
 * The way from the untrained student to its teacher, in the logarithm of the perplexity, which is
 * the mean loss: there, what stages come closer adds up.
 *
 * @param start mean loss of the untrained student, in nats per token
 * @param end mean loss of the teacher
 */
record Gap(double start, double end) {

  /** The gap of a run; without a stage or a teacher's perplexity nothing is known of it. */
  static Gap of(RunSummary summary, List<StageResult> stages) {
    double untrained = stages.isEmpty() ? Double.NaN : stages.get(0).before().perplexity();
    return new Gap(Math.log(untrained), Math.log(summary.teacherPerplexity()));
  }

  /**
   * The share of the gap that a stage closed, negative if it widened it; NaN if it is not known or
   * there was none.
   */
  double closedBy(StageResult stage) {
    double closed = Math.log(stage.before().perplexity()) - Math.log(stage.after().perplexity());
    return start > end ? closed / (start - end) : Double.NaN;
  }
}
