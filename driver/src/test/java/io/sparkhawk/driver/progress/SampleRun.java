package io.sparkhawk.driver.progress;

import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepMetrics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A small run as it really goes: three stages, six blocks, sequences of 256, 1,024 tokens a step.
 */
public final class SampleRun {

  private static final int BLOCKS = 6;
  private static final int BATCH = 1024;
  private static final long SEED = 11;

  private SampleRun() {}

  public static RunSummary summary() {
    return RunSummary.of("quickstart")
        .workers(2)
        .seqLen(256)
        .perplexities(19.652, 37.41, 82_176)
        .stages(stages())
        .wallTime(Duration.ofMillis(281_400))
        .build();
  }

  public static List<StageResult> stages() {
    Evaluation untrained =
        evaluation(
            1386, 20_000, of(24.1, 22.8, 22.0, 21.7, 22.4, 22.6), of(9.1, 6.2, 6.6, 7.1, 7.9, 8.8));
    Evaluation oriented =
        evaluation(998, 20_000, of(6.1, 6.9, 7.2, 7.4, 7.0, 6.8), of(8.4, 5.9, 6.3, 6.8, 7.6, 8.5));
    Evaluation aligned =
        evaluation(
            55.1, 20_000, of(9.4, 9.9, 10.1, 9.7, 10.3, 9.2), of(3.1, 3.9, 4.5, 4.9, 5.6, 6.2));
    Evaluation distilled =
        evaluation(
            37.9, 20_000, of(9.9, 10.8, 10.9, 10.2, 11.0, 9.8), of(3.4, 4.1, 4.6, 5.2, 5.7, 6.0));
    return List.of(
        new StageResult(StageKind.MATRIX, 62L * BATCH, 22.6, 6.9, 31.2, untrained, oriented),
        new StageResult(StageKind.HIDDEN, 157L * BATCH, 7.4, 4.7, 62.9, oriented, aligned),
        new StageResult(StageKind.DISTILL, 313L * BATCH, 5.12, 3.64, 148.3, aligned, distilled));
  }

  public static List<StepMetrics> steps() {
    List<StepMetrics> steps = new ArrayList<>();
    steps.addAll(steps(StageKind.MATRIX, 62, 22.6, 6.9, 3e-3, 31.2));
    steps.addAll(steps(StageKind.HIDDEN, 157, 7.4, 4.7, 3e-3, 62.9));
    steps.addAll(steps(StageKind.DISTILL, 313, 5.12, 3.64, 1e-3, 148.3));
    return steps;
  }

  /** A stage of {@code count} steps whose loss falls from {@code first} to {@code last}. */
  public static List<StepMetrics> steps(
      StageKind stage, int count, double first, double last, double learningRate, double seconds) {
    Random random = new Random(SEED + stage.name().length());
    List<StepMetrics> steps = new ArrayList<>(count);
    for (int k = 1; k <= count; k++) {
      double progress = (k - 1) / Math.max(1.0, count - 1.0);
      double trend = last + (first - last) * Math.exp(-5 * progress) * (1 - progress);
      double noise = k == 1 ? 0 : random.nextGaussian() * 0.03 * last;
      double rate =
          learningRate * Math.min(1, Math.min(10.0 * k / count, 10 * (1 - progress) + 0.01));
      double stepSeconds =
          seconds / count * (1 + 0.08 * random.nextGaussian() + (k == 1 ? 1.5 : 0));
      double wait = stepSeconds * (0.07 + 0.02 * random.nextDouble());
      double data = stepSeconds * 0.01;
      steps.add(
          new StepMetrics(
              stage,
              k,
              count,
              (long) k * BATCH,
              trend + noise,
              stage == StageKind.DISTILL ? List.of() : blocks(trend + noise, random),
              (0.6 + 2.5 * Math.exp(-4 * progress)) * (1 + 0.2 * Math.abs(random.nextGaussian())),
              rate,
              stepSeconds * 0.8,
              wait,
              data,
              k % 20 == 0 ? stepSeconds * 0.05 : 0,
              stepSeconds,
              0));
    }
    return steps;
  }

  private static List<Double> blocks(double mean, Random random) {
    return random.doubles(BLOCKS, 0.9 * mean, 1.1 * mean).boxed().toList();
  }

  private static Evaluation evaluation(
      double perplexity, long tokens, List<Double> matrix, List<Double> hidden) {
    return new Evaluation(perplexity, tokens, matrix, hidden);
  }

  private static List<Double> of(Double... values) {
    return List.of(values);
  }
}
