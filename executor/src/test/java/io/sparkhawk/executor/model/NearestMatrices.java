package io.sparkhawk.executor.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.AdamW;
import io.sparkhawk.executor.train.FlatParameters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.apache.hadoop.conf.Configuration;

/**
 * Prints how near each family of matrices comes to a teacher's attention maps, each map
 * approximated by itself and without a network that would have to find the matrix from the input:
 * {@code NearestMatrices teacher data [rows] [steps]}. Training cannot bring a mixer nearer.
 *
 * <p>The distance is that of stage 1, the Frobenius norm, as the mean over maps. Nearest Toeplitz
 * matrices are exact; the others are found by gradient descent, so that theirs are upper bounds.
 */
public final class NearestMatrices {

  private static final int[] STATE_SIZES = {4, 8, 16, 32};
  private static final double LEARNING_RATE = 2e-2;
  private static final AdamW.Hyperparameters ADAM = new AdamW.Hyperparameters(0.9, 0.95, 1e-8, 0);
  private static final double FIRST_SCALE = 0.1;

  /** softplus of this is 0.02: at first the decays reach over some 50 positions. */
  private static final float FIRST_DECAY = -4;

  private final LanguageModel teacher;
  private final int length;
  private final CausalMask mask;

  private NearestMatrices(LanguageModel teacher, int length) {
    this.teacher = teacher;
    this.length = length;
    this.mask = new CausalMask(teacher.manager());
  }

  public static void main(String[] arguments) {
    int count = Integer.parseInt(arguments.length > 2 ? arguments[2] : "2");
    int steps = Integer.parseInt(arguments.length > 3 ? arguments[3] : "500");
    Path cache = Path.of(System.getProperty("java.io.tmpdir"));
    try (LanguageModel teacher =
            Models.loadTeacher(Path.of(arguments[0]), Device.cpu(), ElementType.FLOAT32);
        TokenRows rows =
            TokenRows.open(new Configuration(), arguments[1], Split.VALIDATION, cache);
        TensorScope scope = TensorScope.open()) {
      NearestMatrices nearest = new NearestMatrices(teacher, rows.rowLength());
      List<NDArray> maps = new ArrayList<>();
      for (int row = 0; row < count; row++) {
        int[] ids = new int[rows.rowLength()];
        rows.read(row, ids, 0);
        maps.add(nearest.maps(ids));
      }
      nearest.print(maps, steps);
    }
  }

  /** All attention maps on one row: (blocks * heads, length, length). */
  private NDArray maps(int[] ids) {
    try (Gradients paused = Gradients.pause();
        TensorScope scope = TensorScope.open()) {
      NDArray hidden = teacher.embed(teacher.manager().create(ids, new Shape(1, length)));
      List<NDArray> maps = new ArrayList<>();
      for (Block block : teacher.blocks()) {
        NDArray u = block.normalise(hidden);
        Block.MatrixAndOutput attention = block.attend(u);
        maps.add(attention.matrix());
        hidden = block.join(hidden, u, attention.output());
      }
      return scope.keep(Operators.reshape(Operators.concatenate(maps, 1), -1, length, length));
    }
  }

  private void print(List<NDArray> rows, int steps) {
    System.out.printf(
        "%d rows of %d tokens, %d maps in each%n%n| matrices | state size | distance |%n|---|---|---|%n",
        rows.size(), length, rows.get(0).getShape().get(0));
    List<DiagonalSums> sums = rows.stream().map(DiagonalSums::of).toList();
    print("zeros", "", mean(sums, DiagonalSums::norm));
    DiagonalSums all = DiagonalSums.total(sums);
    print("Toeplitz, one kernel for all rows", "", mean(sums, row -> row.distance(all)));
    print("Toeplitz, a kernel for each row", "", mean(sums, row -> row.distance(row)));
    for (boolean decays : new boolean[] {false, true}) {
      for (int states : STATE_SIZES) {
        double distance = mean(rows, row -> fitted(row, states, decays, steps));
        print(decays ? "Mamba-2" : "low-rank", " " + states, distance);
      }
    }
  }

  private static <T> double mean(List<T> rows, ToDoubleFunction<T> distance) {
    return rows.stream().mapToDouble(distance).average().orElseThrow();
  }

  private static void print(String family, String states, double distance) {
    System.out.printf(Locale.ROOT, "| %s |%s | %.2f |%n", family, states, distance);
  }

  /** Sums over the diagonals of maps, which are all that a Toeplitz matrix is compared by. */
  private static final class DiagonalSums {

    private final double[][] entries; // (maps, distance from the main diagonal)
    private final double[][] counts; // like entries: how many there are
    private final double[] squares; // of each map, all its entries squared

    private DiagonalSums(int maps, int length) {
      this.entries = new double[maps][length];
      this.counts = new double[maps][length];
      this.squares = new double[maps];
    }

    static DiagonalSums of(NDArray maps) {
      int length = (int) maps.getShape().get(1);
      double[] elements = Operators.toDoubles(Operators.contiguous(maps));
      DiagonalSums sums = new DiagonalSums((int) maps.getShape().get(0), length);
      for (int at = 0; at < elements.length; at++) {
        int map = at / (length * length);
        int distance = at / length % length - at % length;
        if (distance >= 0) {
          sums.entries[map][distance] += elements[at];
          sums.counts[map][distance]++;
          sums.squares[map] += elements[at] * elements[at];
        }
      }
      return sums;
    }

    /** The same maps of all rows together. */
    static DiagonalSums total(List<DiagonalSums> rows) {
      int maps = rows.get(0).entries.length;
      int length = rows.get(0).entries[0].length;
      DiagonalSums total = new DiagonalSums(maps, length);
      for (DiagonalSums row : rows) {
        for (int map = 0; map < maps; map++) {
          for (int k = 0; k < length; k++) {
            total.entries[map][k] += row.entries[map][k];
            total.counts[map][k] += row.counts[map][k];
          }
        }
      }
      return total;
    }

    double norm() {
      return Arrays.stream(squares).map(Math::sqrt).average().orElseThrow();
    }

    /** To the Toeplitz matrices whose kernels are the mean diagonals of {@code source}. */
    double distance(DiagonalSums source) {
      double sum = 0;
      for (int map = 0; map < squares.length; map++) {
        double squared = squares[map];
        for (int k = 0; k < entries[map].length; k++) {
          double t = source.entries[map][k] / source.counts[map][k];
          squared += t * (t * counts[map][k] - 2 * entries[map][k]);
        }
        sum += Math.sqrt(Math.max(0, squared));
      }
      return sum / squares.length;
    }
  }

  /** The mean distance of maps (maps, length, length) to matrices that are fitted to each. */
  private double fitted(NDArray maps, int states, boolean decays, int steps) {
    long count = maps.getShape().get(0);
    Random random = new Random(states);
    try (NDManager manager = teacher.manager().newSubManager()) {
      Parameter b = new Parameter("B", gaussian(manager, random, count, length, states));
      Parameter c = new Parameter("C", gaussian(manager, random, count, length, states));
      Parameter a = new Parameter("A", filled(manager, FIRST_DECAY, count, length));
      Parameter d = new Parameter("D", filled(manager, 0, count, 1, 1));
      List<Parameter> fitted = decays ? List.of(b, c, d, a) : List.of(b, c, d);
      FlatParameters flat = FlatParameters.of(manager, ElementType.FLOAT32, List.of(fitted));
      double distance = 0;
      try (AdamW adam = new AdamW(manager, flat, ADAM)) {
        for (int step = 0; step < steps; step++) {
          try (TensorScope scope = TensorScope.open();
              Gradients recording = Gradients.record()) {
            Optional<NDArray> decay = decays ? Optional.of(a.value()) : Optional.empty();
            NDArray matrices = matrices(b.value(), c.value(), d.value(), decay);
            NDArray loss =
                Operators.sum(Operators.norm(Operators.subtract(matrices, maps), 1, 2), 0);
            distance = Operators.item(loss) / count;
            Gradients.backward(loss, Operators.filledLike(loss, 1));
          }
          adam.update(flat, LEARNING_RATE * (steps - step) / steps, 1);
          Operators.zero(flat.gradients());
        }
      }
      return distance;
    }
  }

  /** (maps, length, length) of B and C (maps, length, states), A (maps, length) and D. */
  private NDArray matrices(NDArray b, NDArray c, NDArray d, Optional<NDArray> a) {
    NDArray sums =
        a.map(value -> Operators.cumulativeSum(Operators.negate(Operators.softplus(value)), 1))
            .orElseGet(() -> filled(b.getManager(), 0, 1, length));
    NDArray factors = ChunkedScan.factors(ChunkedScan.segmentSums(sums, mask), b);
    NDArray scores = Operators.matmul(c, Operators.transpose(b, 1, 2));
    return Operators.add(
        Operators.multiply(scores, factors), Operators.multiply(d, mask.identity(b, length)));
  }

  private static NDArray gaussian(NDManager manager, Random random, long... shape) {
    float[] values = new float[Math.toIntExact(new Shape(shape).size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (FIRST_SCALE * random.nextGaussian());
    }
    return HostMemory.tensor(manager, values, ElementType.FLOAT32, shape);
  }

  private static NDArray filled(NDManager manager, float value, long... shape) {
    float[] values = new float[Math.toIntExact(new Shape(shape).size())];
    Arrays.fill(values, value);
    return HostMemory.tensor(manager, values, ElementType.FLOAT32, shape);
  }
}
