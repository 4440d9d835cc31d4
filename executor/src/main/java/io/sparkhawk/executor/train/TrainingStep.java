package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.stage.Objective;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.List;
import java.util.stream.DoubleStream;

/**
 * One update: gradients of this rank's micro-batches, their sum over all ranks, clipping, AdamW.
 *
 * <p>The all-reduce of a segment starts as soon as the last micro-batch has passed it, while the
 * next segment computes. All ranks end with the same weights, bit for bit.
 */
final class TrainingStep implements AutoCloseable {

  private final Objective objective;
  private final FlatParameters parameters;
  private final AdamW optimizer;
  private final Collective collective;
  private final GradientSum sum;
  private final double clipNorm;

  /**
   * All ranks of the collective must make theirs at the same point.
   *
   * @param clipNorm largest norm of the gradient, 0 for any
   */
  TrainingStep(
      Objective objective,
      FlatParameters parameters,
      AdamW optimizer,
      Collective collective,
      double clipNorm) {
    this.objective = objective;
    this.parameters = parameters;
    this.optimizer = optimizer;
    this.collective = collective;
    this.sum = GradientSums.of(parameters.gradients(), collective);
    this.clipNorm = clipNorm;
  }

  /**
   * What a step did.
   *
   * @param losses mean losses over the global batch: one for each block, or one
   * @param gradientNorm norm before clipping
   * @param applied whether the update was made: not where a loss or the gradient is not finite
   * @param computeSeconds forward, backward and optimizer
   * @param waitSeconds waiting for the other ranks while nothing was computed
   */
  record Outcome(
      List<Double> losses,
      double gradientNorm,
      boolean applied,
      double computeSeconds,
      double waitSeconds) {}

  /**
   * Runs the step.
   *
   * @param microBatches token ids (sequences, length), this rank's share of the global batch
   * @param globalSequences sequences of all ranks
   */
  Outcome run(List<NDArray> microBatches, int globalSequences, double learningRate) {
    long start = System.nanoTime();
    Operators.zero(parameters.gradients());
    objective.losses().reset();
    for (int i = 0; i < microBatches.size(); i++) {
      NDArray ids = microBatches.get(i);
      boolean last = i == microBatches.size() - 1;
      objective.accumulate(
          ids,
          (double) ids.getShape().get(0) / globalSequences,
          segment -> {
            parameters.collect(segment);
            if (last) {
              sum.start(parameters.layout().segments().get(segment));
            }
          });
    }
    double waited = sum.await();
    double[] own = objective.losses().read();
    long read = System.nanoTime();
    double[] losses = collective.allReduceSum(own);
    waited += (System.nanoTime() - read) / 1e9;

    double norm = gradientNorm();
    boolean finite = Double.isFinite(norm) && DoubleStream.of(losses).allMatch(Double::isFinite);
    if (finite) {
      optimizer.update(parameters, learningRate, clipFactor(norm));
    }
    double total = (System.nanoTime() - start) / 1e9;
    return new Outcome(
        DoubleStream.of(losses).boxed().toList(), norm, finite, total - waited, waited);
  }

  /** How the gradients of the ranks are summed, in a few words. */
  String transport() {
    return sum.description();
  }

  @Override
  public void close() {
    sum.close();
  }

  private double gradientNorm() {
    try (TensorScope scope = TensorScope.open()) {
      NDArray gradients = parameters.gradients();
      return Math.sqrt(Operators.item(Operators.innerProduct(gradients, gradients)));
    }
  }

  /** As torch.nn.utils.clip_grad_norm_. */
  private double clipFactor(double norm) {
    return clipNorm == 0 ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
  }
}
