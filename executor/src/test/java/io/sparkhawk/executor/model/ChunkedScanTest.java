package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ChunkedScanTest {

  @Test
  void scanEqualsTheRecurrenceStepByStepAtEverySizeAndChunk() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 20; round++) {
      compare(
          random,
          1 + random.nextInt(3),
          1 + random.nextInt(40),
          1 + random.nextInt(3),
          random.nextInt(1, 50));
    }
  }

  private static void compare(
      SplittableRandom random, int batch, int length, int heads, int chunkSize) {
    int p = random.nextInt(1, 6);
    int n = random.nextInt(1, 6);
    double[] x = random.doubles((long) batch * length * heads * p, -1, 1).toArray();
    double[] b = random.doubles((long) batch * length * heads * n, -1, 1).toArray();
    double[] c = random.doubles((long) batch * length * heads * n, -1, 1).toArray();
    double[] logDecay = random.doubles((long) batch * length * heads, -2, 0).toArray();
    try (NDManager manager = NDManager.newBaseManager();
        Gradients paused = Gradients.pause();
        TensorScope scope = TensorScope.open()) {
      double[] y =
          Operators.toDoubles(
              ChunkedScan.scan(
                  manager.create(x, new Shape(batch, length, heads, p)),
                  manager.create(b, new Shape(batch, length, heads, n)),
                  manager.create(c, new Shape(batch, length, heads, n)),
                  manager.create(logDecay, new Shape(batch, length, heads)),
                  chunkSize,
                  new CausalMask(manager)));

      double[] expected = recurrence(x, b, c, logDecay, batch, length, heads, p, n);
      assertThat(y)
          .as("length %d, chunk size %d", length, chunkSize)
          .containsExactly(expected, within(1e-10));
    }
  }

  @Test
  void chunkSizeChangesNeitherOutputsNorGradients() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 6; round++) {
      int length = 1 + random.nextInt(40);
      int heads = 1 + random.nextInt(3);
      Shape[] shapes = {
        new Shape(2, length, heads, 1 + random.nextInt(5)),
        new Shape(2, length, heads, 3),
        new Shape(2, length, heads, 3),
        new Shape(2, length, heads)
      };
      double[][] operands = new double[shapes.length][];
      for (int i = 0; i < shapes.length; i++) {
        operands[i] = random.doubles(shapes[i].size(), -2, i == 3 ? 0 : 2).toArray();
      }
      double[] weights = random.doubles(shapes[0].size(), -1, 1).toArray();
      double[][] whole = outputsAndGradients(shapes, operands, weights, length);
      for (int chunkSize : new int[] {1, 2, 1 + random.nextInt(length), length + 7}) {
        double[][] found = outputsAndGradients(shapes, operands, weights, chunkSize);
        for (int i = 0; i < whole.length; i++) {
          assertThat(found[i])
              .as("seed %d, length %d, chunk size %d, part %d", seed, length, chunkSize, i)
              .containsExactly(whole[i], within(1e-9));
        }
      }
    }
  }

  /** y, and the gradients of the sum of {@code weights} times y in x, b, c and log decay. */
  private static double[][] outputsAndGradients(
      Shape[] shapes, double[][] operands, double[] weights, int chunkSize) {
    try (NDManager manager = NDManager.newBaseManager();
        TensorScope scope = TensorScope.open()) {
      NDArray[] leaves = new NDArray[shapes.length];
      for (int i = 0; i < shapes.length; i++) {
        leaves[i] = Gradients.leaf(manager.create(operands[i], shapes[i]));
      }
      NDArray y;
      try (Gradients recording = Gradients.record()) {
        y =
            ChunkedScan.scan(
                leaves[0], leaves[1], leaves[2], leaves[3], chunkSize, new CausalMask(manager));
      }
      Gradients.backward(y, manager.create(weights, shapes[0]));
      double[][] parts = new double[1 + shapes.length][];
      parts[0] = Operators.toDoubles(Operators.contiguous(Gradients.constant(y)));
      for (int i = 0; i < shapes.length; i++) {
        parts[1 + i] = Operators.toDoubles(Operators.contiguous(Gradients.of(leaves[i])));
      }
      return parts;
    }
  }

  /** h = a h + B x^T, y = C h, one position after another. */
  private static double[] recurrence(
      double[] x,
      double[] b,
      double[] c,
      double[] logDecay,
      int batch,
      int length,
      int heads,
      int p,
      int n) {
    double[] y = new double[x.length];
    for (int sequence = 0; sequence < batch; sequence++) {
      for (int head = 0; head < heads; head++) {
        double[][] state = new double[n][p];
        for (int t = 0; t < length; t++) {
          int at = (sequence * length + t) * heads + head;
          for (int i = 0; i < n; i++) {
            for (int j = 0; j < p; j++) {
              state[i][j] = Math.exp(logDecay[at]) * state[i][j] + b[at * n + i] * x[at * p + j];
              y[at * p + j] += c[at * n + i] * state[i][j];
            }
          }
        }
      }
    }
    return y;
  }
}
