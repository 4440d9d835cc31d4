package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.kernel.ElementKernels;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Optional;

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
  private long updates;

  /** State of zeros for {@code parameters}, owned by a child of {@code manager}. */
  public AdamW(NDManager manager, FlatParameters parameters, Hyperparameters hyperparameters) {
    this.hyperparameters = hyperparameters;
    this.manager = manager.newSubManager();
    this.firstMoment = TensorScope.detach(zerosLike(parameters.values()));
    this.secondMoment = TensorScope.detach(zerosLike(parameters.values()));
  }

  private NDArray zerosLike(NDArray values) {
    NDArray zeros = Operators.zerosLike(values);
    zeros.attach(manager);
    return zeros;
  }

  /**
   * Applies one update.
   *
   * @param gradientScale factor of the gradients, from clipping
   */
  public void update(FlatParameters parameters, double learningRate, double gradientScale) {
    updates++;
    Optional<ElementKernels> kernels = Kernels.like(parameters.computed()).map(Kernels::elements);
    if (kernels.isPresent()) {
      updateFused(kernels.get(), parameters, learningRate, gradientScale);
    } else {
      updateComposed(parameters, learningRate, gradientScale);
      parameters.publish();
    }
  }

  private void updateFused(
      ElementKernels kernels, FlatParameters parameters, double learningRate, double scale) {
    Hyperparameters h = hyperparameters;
    try (TensorScope scope = TensorScope.open()) {
      kernels.adamW(
          parameters.values(),
          parameters.gradients(),
          firstMoment,
          secondMoment,
          parameters.computed(),
          Operators.filledLike(Operators.narrow(parameters.values(), 0, 0, 1), scale),
          new ElementKernels.Update(
              h.beta1(),
              h.beta2(),
              h.epsilon(),
              1 - learningRate * h.weightDecay(),
              learningRate / correction(h.beta1()),
              1 / correction(h.beta2())));
    }
  }

  /** What a moment lacks of its sum of weights after the updates so far: 1 - beta^t. */
  private double correction(double beta) {
    return 1 - Math.pow(beta, (double) updates);
  }

  private void updateComposed(
      FlatParameters parameters, double learningRate, double gradientScale) {
    boolean host = parameters.values().getDevice().equals(Device.cpu());
    long size = parameters.layout().size();
    long chunk = host ? CHUNK : size;
    for (long first = 0; first < size; first += chunk) {
      try (TensorScope scope = TensorScope.open()) {
        long count = Math.min(chunk, size - first);
        updateChunk(
            Operators.narrow(parameters.values(), 0, first, count),
            Operators.narrow(parameters.gradients(), 0, first, count),
            Operators.narrow(firstMoment, 0, first, count),
            Operators.narrow(secondMoment, 0, first, count),
            learningRate,
            gradientScale);
      }
    }
  }

  private void updateChunk(
      NDArray w, NDArray g, NDArray m, NDArray v, double learningRate, double gradientScale) {
    Hyperparameters h = hyperparameters;
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
  }

  /** First moment, of the size of the parameters. */
  public NDArray firstMoment() {
    return firstMoment;
  }

  /** Second moment, of the size of the parameters. */
  public NDArray secondMoment() {
    return secondMoment;
  }

  @Override
  public void close() {
    manager.close();
  }
}
