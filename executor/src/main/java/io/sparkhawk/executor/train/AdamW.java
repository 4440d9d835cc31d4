package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.kernel.ElementKernels;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.kernel.UpdatePlan;
import io.sparkhawk.executor.kernel.UpdateRule;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Adam with decoupled weight decay over flat buffers (arXiv 1711.05101, algorithm 2;
 * torch.optim.AdamW). Its state belongs to us, so that it can be saved, sharded and moved.
 */
public final class AdamW implements AutoCloseable {

  /** Elements per pass on a CPU: the four buffers of a chunk stay in the cache. */
  private static final long CHUNK = 1 << 16;

  /** The hyper-parameters, in torch's meaning. */
  public record Hyperparameters(double beta1, double beta2, double epsilon, double weightDecay) {}

  private final Hyperparameters hyperparameters;
  private final NDManager manager;
  private final NDArray firstMoment;
  private final NDArray secondMoment;
  private final Optional<ElementKernels> kernels;
  private final UpdatePlan plan; // used by the kernels only
  private long updates;

  /**
   * State of zeros for what this rank updates of {@code parameters}, owned by a child of {@code
   * manager}.
   */
  public AdamW(NDManager manager, FlatParameters parameters, Hyperparameters hyperparameters) {
    this.hyperparameters = hyperparameters;
    this.manager = manager.newSubManager();
    this.firstMoment = zeros(parameters);
    this.secondMoment = zeros(parameters);
    this.kernels = Kernels.like(parameters.computed()).map(Kernels::elements);
    this.plan = new UpdatePlan(this.manager);
  }

  private NDArray zeros(FlatParameters parameters) {
    return TensorScope.detach(
        Operators.zeros(manager, ElementType.of(parameters.values()), parameters.shard().size()));
  }

  /**
   * Applies one update.
   *
   * @param gradientScale factor of the gradients, from clipping
   */
  public void update(FlatParameters parameters, double learningRate, double gradientScale) {
    update(parameters, learningRate, gradientScale, share -> {});
  }

  /**
   * As above, share by share.
   *
   * @param updated called when the model would compute with a share's new weights
   */
  void update(
      FlatParameters parameters,
      double learningRate,
      double gradientScale,
      Consumer<Shard.Share> updated) {
    updates++;
    UpdateRule rule = rule(learningRate, 0);
    if (kernels.isPresent()) {
      plan.decide(updates, gradientScale, rule);
      updateFused(kernels.get(), parameters, rule, updated);
      return;
    }
    for (Shard.Share share : parameters.shard().shares()) {
      updateComposed(parameters, share, learningRate, gradientScale);
      parameters.publish(share);
      updated.accept(share);
    }
  }

  private UpdateRule rule(double learningRate, double clipNorm) {
    Hyperparameters h = hyperparameters;
    return new UpdateRule(
        h.beta1(), h.beta2(), h.epsilon(), h.weightDecay(), learningRate, clipNorm);
  }

  /** Whether {@link #queueUpdate} can be used. */
  boolean decidesOnDevice() {
    return kernels.isPresent();
  }

  /**
   * Queues an update without knowing losses and norm: the device decides whether it is made, and
   * how far the gradient is scaled down. {@link #decided} must be told, before the state is read.
   *
   * @param clipNorm largest norm of the gradient, 0 for any
   * @param figures losses, and after them the sum of squares of the whole gradient: float32
   * @param updated called when the new weights of a share are queued
   * @return holds the decision when the device has come so far
   */
  UpdatePlan queueUpdate(
      FlatParameters parameters,
      double learningRate,
      double clipNorm,
      NDArray figures,
      Consumer<Shard.Share> updated) {
    UpdateRule rule = rule(learningRate, clipNorm);
    kernels.orElseThrow().planUpdate(figures, plan, rule);
    updateFused(kernels.orElseThrow(), parameters, rule, updated);
    return plan;
  }

  /** Takes note of what the device has decided of a queued update. */
  void decided(UpdatePlan.Decision decision) {
    updates = decision.updates();
  }

  private void updateFused(
      ElementKernels fused,
      FlatParameters parameters,
      UpdateRule rule,
      Consumer<Shard.Share> updated) {
    for (Shard.Share share : parameters.shard().shares()) {
      try (TensorScope scope = TensorScope.open()) {
        fused.adamW(
            parameters.valuesOf(share),
            FlatParameters.narrow(parameters.gradients(), share.range()),
            FlatParameters.narrow(firstMoment, share.local()),
            FlatParameters.narrow(secondMoment, share.local()),
            FlatParameters.narrow(parameters.computed(), share.range()),
            plan,
            rule);
      }
      updated.accept(share);
    }
  }

  /** What a moment lacks of its sum of weights after the updates so far: 1 - beta^t. */
  private double correction(double beta) {
    return 1 - Math.pow(beta, (double) updates);
  }

  private void updateComposed(
      FlatParameters parameters, Shard.Share share, double learningRate, double gradientScale) {
    boolean host = parameters.gradients().getDevice().equals(Device.cpu());
    long size = share.range().count();
    long chunk = host ? CHUNK : size;
    for (long first = 0; first < size; first += chunk) {
      try (TensorScope scope = TensorScope.open()) {
        FlatLayout.Range part = new FlatLayout.Range(first, Math.min(chunk, size - first));
        updateChunk(
            FlatParameters.narrow(parameters.valuesOf(share), part),
            FlatParameters.narrow(parameters.gradients(), part.shifted(share.range().first())),
            FlatParameters.narrow(firstMoment, part.shifted(share.local().first())),
            FlatParameters.narrow(secondMoment, part.shifted(share.local().first())),
            learningRate,
            gradientScale);
      }
    }
  }

  private void updateChunk(
      NDArray w,
      NDArray gradient,
      NDArray m,
      NDArray v,
      double learningRate,
      double gradientScale) {
    Hyperparameters h = hyperparameters;
    NDArray g = Operators.convert(gradient, ElementType.of(w));
    if (gradientScale != 1) {
      Operators.scaleInPlace(g, gradientScale);
    }
    Operators.scaleInPlace(w, 1 - learningRate * h.weightDecay());
    Operators.interpolateInPlace(m, g, 1 - h.beta1());
    Operators.interpolateInPlace(v, Operators.multiply(g, g), 1 - h.beta2());
    NDArray denominator = Operators.squareRoot(v);
    Operators.scaleInPlace(denominator, 1 / Math.sqrt(correction(h.beta2())));
    Operators.addInPlace(denominator, h.epsilon());
    NDArray step = Operators.divide(m, denominator);
    Operators.scaleInPlace(step, learningRate / correction(h.beta1()));
    Operators.subtractInPlace(w, step);
  }

  /** Updates so far; part of the state. */
  public long updates() {
    return updates;
  }

  /** Continues after {@code count} updates whose moments have been put back. */
  public void resumeAfter(long count) {
    updates = count;
    plan.continueAfter(count);
  }

  /** First moment of what this rank updates. */
  public NDArray firstMoment() {
    return firstMoment;
  }

  /** Second moment of what this rank updates. */
  public NDArray secondMoment() {
    return secondMoment;
  }

  @Override
  public void close() {
    manager.close();
  }
}
