package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RotaryTest {

  /** Angles are float32: at position 70 an angle errs by up to 70 times 6e-8, and so do they. */
  private static final double TOLERANCE = 2e-5;

  private static final int HEADS = 2;

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);

  @BeforeEach
  void printSeed() {
    System.out.println("seed " + seed);
  }

  private final NDManager manager = NDManager.newBaseManager();
  private TensorScope scope;
  private Gradients paused;

  @BeforeEach
  void open() {
    scope = TensorScope.open();
    paused = Gradients.pause();
  }

  @AfterEach
  void free() {
    paused.close();
    scope.close();
    manager.close();
  }

  private double[] elements(int length, int headSize) {
    return random.doubles((long) HEADS * length * headSize, -1, 1).toArray();
  }

  private double[] apply(Rotary rotary, double[] x, int headSize, int first) {
    NDArray tensor = manager.create(x, new Shape(1, HEADS, x.length / HEADS / headSize, headSize));
    return Operators.toDoubles(rotary.apply(tensor, first));
  }

  /** Pairs (j, j + rotated/2) of each head turn by position * theta^(-2j/rotated). */
  private static double[] definition(
      double[] x, int headSize, int rotated, double theta, int first) {
    int length = x.length / HEADS / headSize;
    double[] y = x.clone();
    for (int row = 0; row < HEADS * length; row++) {
      int position = first + row % length;
      for (int j = 0; j < rotated / 2; j++) {
        double angle = position / Math.pow(theta, 2.0 * j / rotated);
        int a = row * headSize + j;
        int b = a + rotated / 2;
        y[a] = x[a] * Math.cos(angle) - x[b] * Math.sin(angle);
        y[b] = x[b] * Math.cos(angle) + x[a] * Math.sin(angle);
      }
    }
    return y;
  }

  @ParameterizedTest
  @CsvSource({"8, 2, 1e4", "8, 4, 1e4", "8, 8, 1e4", "80, 32, 1e4", "20, 10, 5e5", "2, 2, 1e4"})
  void rotationIsThatOfTheDefinitionAtEveryOffset(int headSize, int rotated, double theta) {
    Rotary rotary = new Rotary(manager, ElementType.FLOAT64, rotated, theta, 16);
    // Within the prepared positions, across their end, and far behind it.
    for (int first : new int[] {0, 1, 7, 13, 60}) {
      double[] x = elements(1 + random.nextInt(9), headSize);

      assertThat(apply(rotary, x, headSize, first))
          .as("seed %d, first %d", seed, first)
          .containsExactly(definition(x, headSize, rotated, theta, first), within(TOLERANCE));
    }
  }

  @Test
  void aPositionIsTurnedTheSameInWhateverPieceItComes() {
    int headSize = 6;
    Rotary rotary = new Rotary(manager, ElementType.FLOAT32, 4, 1e4, 8);
    int length = 21;
    NDArray x =
        Operators.convert(
            manager.create(elements(length, headSize), new Shape(1, HEADS, length, headSize)),
            ElementType.FLOAT32);
    NDArray whole = rotary.apply(x, 0);
    for (int first = 0; first < length; first++) {
      int count = 1 + random.nextInt(length - first);
      NDArray piece = rotary.apply(Operators.narrow(x, 2, first, count), first);

      assertThat(Operators.toDoubles(piece))
          .as("seed %d, positions %d to %d", seed, first, first + count)
          .containsExactly(
              Operators.toDoubles(Operators.contiguous(Operators.narrow(whole, 2, first, count))));
    }
  }

  @Test
  void scoresDependOnTheDistanceOfPositionsAlone() {
    Rotary rotary = new Rotary(manager, ElementType.FLOAT64, 8, 1e4, 64);
    Random fixed = new Random(3);
    double[] query = fixed.doubles(HEADS * 8, -1, 1).toArray();
    double[] key = fixed.doubles(HEADS * 8, -1, 1).toArray();
    double near = score(rotary, query, 5, key, 2);

    assertThat(score(rotary, query, 40, key, 37)).isCloseTo(near, within(TOLERANCE));
    assertThat(score(rotary, query, 40, key, 2)).isNotCloseTo(near, within(1e-3));
  }

  private double score(Rotary rotary, double[] query, int i, double[] key, int j) {
    double[] q = apply(rotary, query, 8, i);
    double[] k = apply(rotary, key, 8, j);
    double score = 0;
    for (int n = 0; n < q.length; n++) {
      score += q[n] * k[n];
    }
    return score;
  }
}
