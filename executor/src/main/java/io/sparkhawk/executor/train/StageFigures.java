package io.sparkhawk.executor.train;

import io.sparkhawk.executor.stage.StageKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The figures of a stage's result as they come up step by step; they survive in its checkpoints.
 */
final class StageFigures {

  private static final String FIRST_LOSS = "first_loss";
  private static final String LAST_LOSS_SUM = "last_loss_sum";
  private static final String LAST_LOSS_COUNT = "last_loss_count";
  private static final String SECONDS = "seconds";
  private static final String SKIPPED = "skipped_steps";
  private static final String SKIPPED_IN_A_ROW = "skipped_in_a_row";
  private static final String SENT_BYTES = "sent_bytes";
  private static final String BEFORE = "before_";
  private static final String PERPLEXITY = "perplexity";
  private static final String TOKENS = "tokens";
  private static final String MATRIX_DISTANCE = "matrix_distance_";
  private static final String HIDDEN_DISTANCE = "hidden_distance_";

  /** The last loss is the mean over this share of the steps. */
  private static final int LAST_PART = 10;

  private final long steps;
  private final Evaluation before;
  private double firstLoss = Double.NaN;
  private double lastLossSum;
  private long lastLossCount;
  private double seconds;
  private long skipped;
  private long skippedInARow;
  private long sentBytes;

  private StageFigures(long steps, Evaluation before) {
    this.steps = steps;
    this.before = before;
  }

  /** Of a stage that begins with {@code before}. */
  static StageFigures start(long steps, Evaluation before) {
    return new StageFigures(steps, before);
  }

  /** Of a stage that goes on from a checkpoint. */
  static StageFigures resume(long steps, int blocks, Map<String, Double> metrics) {
    Evaluation before =
        new Evaluation(
            metrics.getOrDefault(BEFORE + PERPLEXITY, Double.NaN),
            metrics.getOrDefault(BEFORE + TOKENS, 0.0).longValue(),
            distances(metrics, MATRIX_DISTANCE, blocks),
            distances(metrics, HIDDEN_DISTANCE, blocks));
    StageFigures figures = new StageFigures(steps, before);
    figures.firstLoss = metrics.getOrDefault(FIRST_LOSS, Double.NaN);
    figures.lastLossSum = metrics.getOrDefault(LAST_LOSS_SUM, 0.0);
    figures.lastLossCount = metrics.getOrDefault(LAST_LOSS_COUNT, 0.0).longValue();
    figures.seconds = metrics.getOrDefault(SECONDS, 0.0);
    figures.skipped = metrics.getOrDefault(SKIPPED, 0.0).longValue();
    figures.skippedInARow = metrics.getOrDefault(SKIPPED_IN_A_ROW, 0.0).longValue();
    figures.sentBytes = metrics.getOrDefault(SENT_BYTES, 0.0).longValue();
    return figures;
  }

  /** Notes a step, counted from 0. */
  void step(long step, double loss, double stepSeconds) {
    if (step == 0) {
      firstLoss = loss;
    }
    if (step >= steps - Math.max(1, steps / LAST_PART) && Double.isFinite(loss)) {
      lastLossSum += loss;
      lastLossCount++;
    }
    seconds += stepSeconds;
  }

  /** Notes whether a step's update was applied; called before {@link #step}. */
  void update(boolean applied) {
    skippedInARow = applied ? 0 : skippedInARow + 1;
    skipped += applied ? 0 : 1;
  }

  /** Notes what this rank has sent to others since it was noted last. */
  void sent(long bytes) {
    sentBytes += bytes;
  }

  /** What this rank has sent so far. */
  long sentBytes() {
    return sentBytes;
  }

  /** Steps so far whose update was left out. */
  long skipped() {
    return skipped;
  }

  /** Steps up to now, one after the other, whose update was left out. */
  long skippedInARow() {
    return skippedInARow;
  }

  /**
   * The result.
   *
   * @param meanSentBytes what was sent, in the mean of the ranks
   */
  StageResult result(StageKind stage, long tokens, Evaluation after, long meanSentBytes) {
    double lastLoss = lastLossCount == 0 ? Double.NaN : lastLossSum / lastLossCount;
    return new StageResult(
        stage, tokens, firstLoss, lastLoss, seconds, before, after, skipped, meanSentBytes);
  }

  /** As free-form numbers of a checkpoint; what is not a number is left out. */
  Map<String, Double> toMetrics() {
    Map<String, Double> metrics = new TreeMap<>();
    metrics.put(FIRST_LOSS, firstLoss);
    metrics.put(LAST_LOSS_SUM, lastLossSum);
    metrics.put(LAST_LOSS_COUNT, (double) lastLossCount);
    metrics.put(SECONDS, seconds);
    metrics.put(SKIPPED, (double) skipped);
    metrics.put(SKIPPED_IN_A_ROW, (double) skippedInARow);
    metrics.put(SENT_BYTES, (double) sentBytes);
    metrics.put(BEFORE + PERPLEXITY, before.perplexity());
    metrics.put(BEFORE + TOKENS, (double) before.tokens());
    putDistances(metrics, MATRIX_DISTANCE, before.matrixDistances());
    putDistances(metrics, HIDDEN_DISTANCE, before.hiddenDistances());
    metrics.values().removeIf(value -> !Double.isFinite(value));
    return metrics;
  }

  private static void putDistances(
      Map<String, Double> metrics, String name, List<Double> distances) {
    for (int i = 0; i < distances.size(); i++) {
      metrics.put(BEFORE + name + i, distances.get(i));
    }
  }

  private static List<Double> distances(Map<String, Double> metrics, String name, int blocks) {
    List<Double> distances = new ArrayList<>();
    for (int i = 0; i < blocks; i++) {
      distances.add(metrics.getOrDefault(BEFORE + name + i, Double.NaN));
    }
    return distances;
  }
}
