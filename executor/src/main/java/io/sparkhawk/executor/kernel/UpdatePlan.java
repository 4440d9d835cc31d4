package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.nio.ByteBuffer;

/**
 * What was decided of an update, in the device's memory, where kernels read it: so the host need
 * not know the gradient's norm before it queues the update.
 */
public final class UpdatePlan {

  // As elementwise.cu has them.
  private static final int UPDATES = 0;
  private static final int SCALE = 1;
  private static final int SHRINK = 2;
  private static final int STEP = 3;
  private static final int CORRECTION = 4;
  private static final int NORM = 5;
  private static final int SIZE = 6;

  private final NDArray numbers;

  /** A plan after no update, owned by {@code manager}. */
  public UpdatePlan(NDManager manager) {
    this.numbers = TensorScope.detach(Operators.zeros(manager, ElementType.FLOAT64, SIZE));
  }

  NDArray numbers() {
    return numbers;
  }

  /** Bytes of a decision that is read back. */
  public static int bytes() {
    return SIZE * Double.BYTES;
  }

  /**
   * A decision that was read back.
   *
   * @param updates made so far, this one included if it was made
   * @param made whether it was made
   * @param norm of the gradient, before clipping
   */
  public record Decision(long updates, boolean made, double norm) {

    /** Of a plan's bytes, in native order. */
    static Decision of(ByteBuffer bytes) {
      return new Decision(
          (long) bytes.getDouble(UPDATES * Double.BYTES),
          bytes.getDouble(SCALE * Double.BYTES) != 0,
          bytes.getDouble(NORM * Double.BYTES));
    }
  }

  /** Continues after so many updates; waits for the device. */
  public void continueAfter(long updates) {
    double[] values = new double[SIZE];
    values[UPDATES] = updates;
    set(values);
  }

  /** Decides on the host to make update number {@code updates}; waits for the device. */
  public void decide(long updates, double gradientScale, UpdateRule rule) {
    double[] values = new double[SIZE];
    values[UPDATES] = updates;
    values[SCALE] = gradientScale;
    values[SHRINK] = 1 - rule.learningRate() * rule.weightDecay();
    values[STEP] = rule.learningRate() / correction(rule.beta1(), updates);
    values[CORRECTION] = 1 / correction(rule.beta2(), updates);
    set(values);
  }

  /** What a moment lacks of its sum of weights after so many updates: 1 - beta^t. */
  private static double correction(double beta, long updates) {
    return 1 - Math.pow(beta, (double) updates);
  }

  private void set(double[] values) {
    try (TensorScope scope = TensorScope.open()) {
      Operators.copy(HostMemory.float64(numbers.getManager(), values), numbers);
    }
  }
}
