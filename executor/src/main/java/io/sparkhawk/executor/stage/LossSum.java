package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;

/** Sums losses on the device, so that nothing waits for it until the numbers are asked for. */
public final class LossSum {

  private final NDArray sums;

  /** A sum for each of {@code count} losses, owned by {@code manager}. */
  LossSum(NDManager manager, ElementType type, int count) {
    this.sums = TensorScope.detach(Operators.zeros(manager, type.accumulationType(), count));
  }

  /** Adds {@code loss}, a tensor with one element, times {@code weight} to a sum. */
  void add(int index, NDArray loss, double weight) {
    NDArray weighted = Operators.scale(Gradients.constant(loss), weight);
    Operators.addInPlace(
        Operators.narrow(sums, 0, index, 1),
        Operators.convert(Operators.reshape(weighted, 1), ElementType.of(sums)));
  }

  /** How many losses there are. */
  public int count() {
    return (int) sums.size();
  }

  /** The sums as they are on the device: (count). */
  public NDArray sums() {
    return sums;
  }

  /** The sums; waits for the device. */
  public double[] read() {
    try (TensorScope scope = TensorScope.open()) {
      return Operators.toDoubles(sums);
    }
  }

  /** Starts again from 0. */
  public void reset() {
    Operators.zero(sums);
  }
}
