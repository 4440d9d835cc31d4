package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Arrays;
import java.util.Random;

/** Two trajectories from the same weights that differ in the type of their gradients alone. */
final class TrajectoryPair {

  private static final int STEPS = 4;
  private static final double LEARNING_RATE = 1e-3;

  private TrajectoryPair() {}

  /**
   * Requires that gradients, norms, losses and the ways that weights go agree as far as bfloat16,
   * which has 8 significant bits, allows.
   *
   * @param wide with gradients in float32, of which {@code rounded} has those in bfloat16
   */
  static void requireTheSameTraining(
      Trajectory wide,
      Trajectory rounded,
      NDManager manager,
      int sequences,
      int length,
      int vocabulary) {
    Random random = new Random(7);
    double[] start = values(wide);
    assertThat(values(rounded)).isEqualTo(start);
    for (int i = 1; i <= STEPS; i++) {
      int[] ids = random.ints((long) sequences * length, 0, vocabulary).toArray();
      try (TensorScope scope = TensorScope.open()) {
        NDArray tokens = manager.create(ids, new Shape(sequences, length));
        Trajectory.Step expected = wide.step(tokens, LEARNING_RATE);
        Trajectory.Step actual = rounded.step(tokens, LEARNING_RATE);
        double[] exact = gradients(wide);
        double[] gradients = gradients(rounded);
        if (i == 1) {
          // where plain operators clip, they scale gradients that are not converted in place
          assertThat(error(unit(gradients), unit(exact))).isLessThan(1.0 / 256);
        }
        assertThat(actual.gradientNorm()).isCloseTo(norm(gradients), withinPercentage(1e-3));
        assertThat(actual.gradientNorm()).isCloseTo(expected.gradientNorm(), withinPercentage(2));
      }
    }
    double[] way = minus(values(wide), start);
    assertThat(norm(way)).isPositive();
    assertThat(error(minus(values(rounded), start), way)).isLessThan(0.2);
  }

  /** How far the direction of the gradients is from that of the exact ones. */
  static double errorOfGradients(Trajectory trajectory, Trajectory exact) {
    return error(unit(gradients(trajectory)), unit(gradients(exact)));
  }

  private static double[] values(Trajectory trajectory) {
    try (TensorScope scope = TensorScope.open()) {
      return Operators.toDoubles(trajectory.parameters().values());
    }
  }

  private static double[] gradients(Trajectory trajectory) {
    try (TensorScope scope = TensorScope.open()) {
      return Operators.toDoubles(trajectory.parameters().gradients());
    }
  }

  private static double[] minus(double[] a, double[] b) {
    double[] difference = new double[a.length];
    Arrays.setAll(difference, i -> a[i] - b[i]);
    return difference;
  }

  private static double norm(double[] x) {
    return Math.sqrt(Arrays.stream(x).map(v -> v * v).sum());
  }

  private static double[] unit(double[] x) {
    double norm = norm(x);
    return Arrays.stream(x).map(v -> v / norm).toArray();
  }

  private static double error(double[] result, double[] exact) {
    return norm(minus(result, exact)) / norm(exact);
  }
}
