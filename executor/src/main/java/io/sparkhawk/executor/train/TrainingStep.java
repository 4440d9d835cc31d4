package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.stage.Objective;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.DoubleStream;

/**
 * One update: gradients of this rank's micro-batches, their sum over all ranks, clipping, AdamW.
 *
 * <p>The sum of a segment's gradients starts as soon as the last micro-batch has passed it, while
 * the next segment computes. Where the optimizer's state is sharded (ZeRO stage 1, arXiv
 * 1910.02054), a rank gets the sum of its own share only, updates it, and the ranks then give each
 * other the new weights, segment by segment in the order of the next forward pass; the next step
 * waits for them when the teacher has gone before. All ranks end with the same weights, bit for
 * bit.
 */
final class TrainingStep implements AutoCloseable {

  private final Objective objective;
  private final FlatParameters parameters;
  private final AdamW optimizer;
  private final Collective collective;
  private final Parallelism parallelism;
  private final Exchange exchange;
  private final Optional<QueuedUpdates> queued;
  private final double clipNorm;

  /**
   * All ranks of the collective must make theirs at the same point.
   *
   * @param clipNorm largest norm of the gradient, 0 for any
   * @param parallelism as the parameters are sharded
   */
  TrainingStep(
      Objective objective,
      FlatParameters parameters,
      AdamW optimizer,
      Collective collective,
      double clipNorm,
      Parallelism parallelism) {
    this.objective = objective;
    this.parameters = parameters;
    this.optimizer = optimizer;
    this.collective = collective;
    this.clipNorm = clipNorm;
    this.parallelism = parallelism;
    this.exchange = Exchanges.of(parallelism, parameters, collective);
    this.queued =
        exchange.isQueued() && optimizer.decidesOnDevice()
            ? Optional.of(
                new QueuedUpdates(
                    objective.losses(),
                    parameters,
                    optimizer,
                    exchange,
                    parallelism,
                    clipNorm,
                    this::shareUpdated))
            : Optional.empty();
  }

  /**
   * What a step did.
   *
   * @param losses mean losses over the global batch: one for each block, or one
   * @param gradientNorm norm before clipping
   * @param applied whether the update was made: not where a loss or the gradient is not finite
   * @param waitSeconds waiting for the other ranks while nothing was computed
   */
  record Outcome(List<Double> losses, double gradientNorm, boolean applied, double waitSeconds) {}

  /** A step that was started. */
  interface Started {

    /** Whether {@link #outcome} returns at once. */
    boolean isOver();

    /**
     * Waits for the end of the step; called once, before that of any later step.
     *
     * @throws io.sparkhawk.data.error.InfrastructureException if another rank fails or is not there
     *     in time
     */
    Outcome outcome();
  }

  /** Starts the step and waits for its end. */
  Outcome run(List<NDArray> microBatches, int globalSequences, double learningRate) {
    return start(microBatches, globalSequences, learningRate).outcome();
  }

  /**
   * Starts the step. On a GPU with our kernels all of it is queued, and one more step may be
   * started before the outcome of this one is asked for: so the GPU goes from step to step without
   * waiting for the host. Everywhere else the step is over when this returns.
   *
   * <p>The weights of other ranks' shares may be on their way even after the end: {@link
   * #awaitWeights} before reading them.
   *
   * @param microBatches token ids (sequences, length), this rank's share of the global batch
   * @param globalSequences sequences of all ranks
   */
  Started start(List<NDArray> microBatches, int globalSequences, double learningRate) {
    parameters.clearGradients();
    objective.losses().reset();
    double waited = 0;
    for (int i = 0; i < microBatches.size(); i++) {
      NDArray ids = microBatches.get(i);
      Progress progress = new Progress(i == microBatches.size() - 1);
      objective.accumulate(ids, (double) ids.getShape().get(0) / globalSequences, progress);
      waited += progress.waited;
    }
    return queued.isPresent()
        ? queued.get().update(learningRate)
        : new Ended(updateAfterWaiting(learningRate, waited));
  }

  /** A step that was over when {@link #start} returned. */
  private record Ended(Outcome outcome) implements Started {
    @Override
    public boolean isOver() {
      return true;
    }
  }

  private Outcome updateAfterWaiting(double learningRate, double waitedBefore) {
    double waited = waitedBefore + exchange.awaitSums();
    double[] own = ownFigures();
    long read = System.nanoTime();
    double[] all = collective.allReduceSum(own);
    waited += (System.nanoTime() - read) / 1e9;

    int losses = own.length - 1;
    double norm = Math.sqrt(parallelism.isSharded() ? all[losses] : own[losses]);
    boolean finite =
        Double.isFinite(norm) && DoubleStream.of(all).limit(losses).allMatch(Double::isFinite);
    if (finite) {
      optimizer.update(parameters, learningRate, clipFactor(norm), this::shareUpdated);
    }
    return new Outcome(DoubleStream.of(all).limit(losses).boxed().toList(), norm, finite, waited);
  }

  /** Starts what the ranks send each other as soon as a micro-batch allows it. */
  private final class Progress implements Objective.Progress {

    private final boolean last;
    private double waited;

    Progress(boolean last) {
      this.last = last;
    }

    @Override
    public void studentBegins() {
      waited += exchange.useGathered();
    }

    @Override
    public void segmentDone(int segment) {
      parameters.collect(segment);
      if (last) {
        exchange.startSum(parameters.layout().segments().get(segment));
      }
    }
  }

  /**
   * This rank's losses, and after them the sum of squares of the gradients that it updates with.
   */
  private double[] ownFigures() {
    double[] losses = objective.losses().read();
    double[] figures = Arrays.copyOf(losses, losses.length + 1);
    figures[losses.length] = sumOfSquares();
    return figures;
  }

  private double sumOfSquares() {
    try (TensorScope scope = TensorScope.open()) {
      return Operators.item(parameters.sumOfSquares());
    }
  }

  private void shareUpdated(Shard.Share share) {
    if (parallelism.isSharded()) {
      exchange.startGather(share.segment());
    }
  }

  /**
   * Returns when this rank has the weights that all ranks have updated; called by all of them.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if another rank fails meanwhile
   */
  void awaitWeights() {
    exchange.awaitGathered();
  }

  /**
   * Exchanges what an update exchanges and waits for it, with nothing computed beside it; called by
   * all ranks. Afterwards the gradients are other sums than before.
   *
   * @return bytes that this rank has sent, as a ring counts them
   */
  double exchangeAlone() {
    List<FlatLayout.Range> segments = parameters.layout().segments();
    segments.forEach(exchange::startSum);
    exchange.awaitSums();
    double others = 1 - 1.0 / collective.worldSize();
    double gradients = others * bytes(parameters.gradients());
    if (!parallelism.isSharded()) {
      return 2 * gradients;
    }
    segments.forEach(exchange::startGather);
    exchange.awaitGathered();
    return gradients + others * bytes(parameters.computed());
  }

  private static double bytes(NDArray buffer) {
    return (double) buffer.size() * ElementType.of(buffer).bytes();
  }

  /** How the gradients of the ranks are summed, in a few words. */
  String transport() {
    return exchange.description();
  }

  @Override
  public void close() {
    exchange.close();
    queued.ifPresent(QueuedUpdates::close);
  }

  /** As torch.nn.utils.clip_grad_norm_. */
  private double clipFactor(double norm) {
    return clipNorm == 0 ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
  }
}
