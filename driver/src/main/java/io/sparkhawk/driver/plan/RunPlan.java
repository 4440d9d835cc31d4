package io.sparkhawk.driver.plan;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a run will need and cost. Bytes are bytes, times seconds unless a name says otherwise.
 *
 * @param run name of the run
 * @param gpu what it is planned for
 * @param gpus how many of them
 * @param elementType what the models compute in
 * @param sequenceLength positions of a sequence
 * @param lengthFrom where that comes from
 * @param teacherParameters weights of the teacher, all frozen
 * @param studentParameters weights of the student
 * @param stages in order
 * @param hours of all stages, of training alone
 * @param price of all stages, in the currency of the price of an hour; null if none was given
 * @param studentBytes the student's folder at the end, in float32
 * @param storageBytes the most that checkpoints and student take at a time
 */
public record RunPlan(
    String run,
    String gpu,
    int gpus,
    String elementType,
    int sequenceLength,
    String lengthFrom,
    long teacherParameters,
    long studentParameters,
    List<StagePlan> stages,
    double hours,
    Double price,
    long studentBytes,
    long storageBytes) {

  /**
   * Of one stage.
   *
   * @param trainedParameters weights that it trains
   * @param frozenParameters weights of the student that it leaves
   * @param batchTokens of an update over all GPUs
   * @param sequencesPerGpu of an update
   * @param microBatch sequences that are computed at once, at most
   * @param flopsPerToken of the matrix products that it cannot do without
   */
  public record StagePlan(
      String stage,
      long trainedParameters,
      long frozenParameters,
      long tokens,
      long steps,
      long batchTokens,
      int sequencesPerGpu,
      int microBatch,
      Memory memory,
      double flopsPerToken,
      Speed speed,
      double hours,
      Double price,
      Exchange exchange,
      Checkpoints checkpoints,
      List<Scaling> scaling) {}

  /**
   * Of each GPU at the stage's peak.
   *
   * @param parts bytes by what they are for
   * @param fits whether it fits
   * @param advice which settings would make it fit; empty if it does
   */
  public record Memory(
      Map<String, Long> parts, long total, long available, boolean fits, String advice) {}

  /**
   * How fast it goes.
   *
   * @param source measured, interpolated, given or assumed
   * @param tokensPerSecond of all GPUs
   * @param oneGpuTokensPerSecond of one GPU alone with as many sequences
   * @param utilisation operations of {@code flopsPerToken} over what the GPUs could do
   * @param stepSeconds of an update
   * @param exposedSeconds of these, waiting for gradients and weights
   */
  public record Speed(
      String source,
      double tokensPerSecond,
      double oneGpuTokensPerSecond,
      double utilisation,
      double stepSeconds,
      double exposedSeconds) {}

  /**
   * What each GPU sends in an update.
   *
   * @param gradientBytes by an all-reduce, or a reduce-scatter
   * @param weightBytes by an all-gather
   * @param seconds of both by the link, if nothing else were done
   */
  public record Exchange(
      boolean sharded, double gradientBytes, double weightBytes, Map<String, Double> seconds) {}

  /**
   * What is saved.
   *
   * @param bytes of each
   * @param count that the stage makes
   * @param kept that are there after its end
   */
  public record Checkpoints(long bytes, long count, long kept) {}

  /**
   * The stage on another number of GPUs.
   *
   * @param link what connects them, or their hosts of 8 GPUs
   * @param tokensPerSecond with as many sequences on each GPU as in the plan
   * @param efficiency of that against one GPU
   * @param sameBatchTokensPerSecond with the run's own batch over all; null if it cannot be shared
   *     evenly
   * @param sameBatchEfficiency of that against one GPU with the whole batch
   * @param hidesFromSequences of a pass on each GPU, behind which the exchange hides; null for one
   *     GPU, and where no pass is long enough
   * @param nearlyAllFromSequences of an update on each GPU, from which efficiency is 95%
   */
  public record Scaling(
      int gpus,
      String link,
      double tokensPerSecond,
      double efficiency,
      Double sameBatchTokensPerSecond,
      Double sameBatchEfficiency,
      Integer hidesFromSequences,
      Integer nearlyAllFromSequences) {}

  /**
   * What is planned for beside the configuration.
   *
   * @param utilisation to reckon with instead of what was measured
   * @param pricePerGpuHour in any currency
   */
  public record Assumptions(Gpu gpu, OptionalDouble utilisation, OptionalDouble pricePerGpuHour) {}
}
