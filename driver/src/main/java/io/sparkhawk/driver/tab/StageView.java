package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.tab.TabEvent.StagePlan;
import io.sparkhawk.driver.tab.TabEvent.StageState;
import io.sparkhawk.driver.tab.TabEvent.StepFigures;
import java.util.ArrayDeque;
import java.util.Deque;

/** A stage: its curves, how far it is, how fast it goes, and which losses are to be expected. */
final class StageView {

  /** Steps that a mean of the loss, and the speed, are taken of. */
  private static final int RECENT = 20;

  /** Before so many steps there is no telling what is to be expected. */
  static final int WARM_UP = 40;

  /** A loss above where it began, or above twice the best, goes the wrong way. */
  private static final double ABOVE_START = 1.1;

  private static final double ABOVE_BEST = 2;

  private final StagePlan plan;
  private final StepSeries series = new StepSeries();
  private final Deque<StepFigures> recent = new ArrayDeque<>();
  private StageState state = StageState.WAITING;
  private double seconds;
  private StepFigures last;
  private long lastStepTime;
  private double firstLoss = Double.NaN;
  private double startMean = Double.NaN;
  private double bestMean = Double.NaN;

  StageView(StagePlan plan) {
    this.plan = plan;
  }

  StagePlan plan() {
    return plan;
  }

  StepSeries series() {
    return series;
  }

  StageState state() {
    return state;
  }

  /** How long it trained in all, once it is done. */
  double seconds() {
    return seconds;
  }

  void changed(StageState now, double trainedSeconds) {
    state = now;
    seconds = trainedSeconds;
    if (now == StageState.TRAINING) {
      recent.clear();
    }
  }

  /** Training goes on from a checkpoint: the speed of before says nothing. */
  void resumed() {
    recent.clear();
  }

  void add(StepFigures step, long time) {
    boolean isNew = last == null || step.step() > last.step();
    last = step;
    lastStepTime = time;
    series.add(step);
    recent.addLast(step);
    if (recent.size() > RECENT) {
      recent.removeFirst();
    }
    if (Double.isNaN(firstLoss) && Float.isFinite(step.loss())) {
      firstLoss = step.loss();
    }
    if (isNew && recent.size() == RECENT) {
      double mean = meanLoss();
      startMean = Double.isNaN(startMean) ? mean : startMean;
      bestMean = Double.isNaN(bestMean) ? mean : Math.min(bestMean, mean);
    }
  }

  /** The last step; null before the first. */
  StepFigures last() {
    return last;
  }

  /** When the last step was told. */
  long lastStepTime() {
    return lastStepTime;
  }

  /** NaN before the first step. */
  double firstLoss() {
    return firstLoss;
  }

  /** Mean loss of the last steps; NaN where none was finite. */
  double meanLoss() {
    return recent.stream()
        .mapToDouble(StepFigures::loss)
        .filter(Double::isFinite)
        .average()
        .orElse(Double.NaN);
  }

  /**
   * The largest mean loss that is to be expected: a tenth above the start, twice the best so far,
   * or what a model that knows nothing has, whichever is least. NaN in the first steps.
   */
  double largestExpectedLoss() {
    if (last == null || last.step() < WARM_UP || Double.isNaN(startMean)) {
      return Double.NaN;
    }
    double relative = Math.min(startMean * ABOVE_START, bestMean * ABOVE_BEST);
    return Float.isNaN(plan.largestLoss()) ? relative : Math.min(relative, plan.largestLoss());
  }

  /** Tokens of all ranks per second, of the last steps, stops for checkpoints included. */
  double tokensPerSecond() {
    double stepTokens = last == null ? Double.NaN : (double) last.tokens() / last.step();
    return stepTokens * recent.size() / recentSeconds();
  }

  /** Share of the time of the last steps that went to waiting for samples. */
  double dataShare() {
    return recent.stream().mapToDouble(StepFigures::dataSeconds).sum() / recentSeconds();
  }

  /** Time of a step lately; NaN where there is none. */
  double stepSeconds() {
    return recent.isEmpty() ? Double.NaN : recentSeconds() / recent.size();
  }

  private double recentSeconds() {
    return recent.stream().mapToDouble(StepFigures::seconds).sum();
  }

  /** Steps that the recent figures are of. */
  int recentSteps() {
    return recent.size();
  }

  /** Seconds to the stage's end at the recent speed; NaN where that is not known. */
  double secondsLeft() {
    if (state == StageState.DONE) {
      return 0;
    }
    return last == null ? Double.NaN : (plan.steps() - last.step()) * stepSeconds();
  }
}
