package io.sparkhawk.executor.kernel;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;

/**
 * Random operands of kernels on the GPU with the very same numbers in float64 on the CPU, where
 * plain operators compute what the kernels should have. Results of kernels are taken from memory
 * that held NaN.
 */
final class Twins implements AutoCloseable {

  /** Largest relative error of rounding to bfloat16, which has 8 significant bits. */
  static final double ROUNDOFF = 1.0 / 256;

  private final Gradients paused = Gradients.pause();
  private final TensorScope scope = TensorScope.open();
  private final NDManager gpu = NDManager.newBaseManager(Device.gpu(), "PyTorch");
  private final NDManager cpu = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  private final Random random;

  private Twins(long seed) {
    this.random = new Random(seed);
  }

  /** With random numbers of a seed of their own, which is printed. */
  static Twins ofAnySeed() {
    return ofSeed(System.nanoTime());
  }

  /** With the random numbers of a seed, which is printed. */
  static Twins ofSeed(long seed) {
    System.out.println("seed " + seed);
    return new Twins(seed);
  }

  Random random() {
    return random;
  }

  NDManager gpu() {
    return gpu;
  }

  Kernels kernels() {
    return Kernels.like(Operators.zeros(gpu, ElementType.BFLOAT16, 1)).orElseThrow();
  }

  /**
   * One tensor twice.
   *
   * @param gpu what kernels take
   * @param exact the same numbers in float64 on the CPU, a leaf that collects its gradient
   */
  record Twin(NDArray gpu, NDArray exact) {}

  /** Normally distributed numbers in bfloat16. */
  Twin normal(double mean, double deviation, long... shape) {
    return of(normals(mean, deviation, shape), ElementType.BFLOAT16, shape);
  }

  float[] normals(double mean, double deviation, long... shape) {
    float[] values = new float[Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b))];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (mean + deviation * random.nextGaussian());
    }
    return values;
  }

  /** Given numbers, rounded to the type. */
  Twin of(float[] values, ElementType type, long... shape) {
    NDArray rounded = HostMemory.tensor(cpu, values, type, shape);
    return new Twin(
        HostMemory.tensor(gpu, values, type, shape),
        Gradients.leaf(Operators.convert(rounded, ElementType.FLOAT64)));
  }

  /**
   * The results of kernels in memory that held NaN before: they are computed twice, and in between
   * both the memory of the first results and all other free memory of the device is filled.
   *
   * @param call the same results each time
   * @return their elements
   * @throws AssertionError if an element is NaN, or differs from the first time
   */
  List<double[]> results(Supplier<List<NDArray>> call) {
    List<double[]> first;
    try (TensorScope inner = TensorScope.open()) {
      List<NDArray> results = call.get();
      first = doubles(results);
      results.forEach(result -> Operators.addInPlace(result, Double.NaN));
    }
    poison();
    try (TensorScope inner = TensorScope.open()) {
      List<double[]> second = doubles(call.get());
      for (int i = 0; i < second.size(); i++) {
        requireEqual(first.get(i), second.get(i), i);
      }
      return second;
    }
  }

  private static List<double[]> doubles(List<NDArray> tensors) {
    return tensors.stream().map(Operators::toDoubles).toList();
  }

  private static void requireEqual(double[] first, double[] second, int result) {
    for (int i = 0; i < first.length; i++) {
      if (Double.isNaN(second[i]) || first[i] != second[i]) {
        throw new AssertionError(
            String.format(
                "element %d of result %d is %s at first and %s in memory that held NaN",
                i, result, first[i], second[i]));
      }
    }
  }

  /** Fills memory that libtorch holds free with NaN, in blocks of all the sizes it hands out. */
  void poison() {
    JniUtils.emptyCudaCache();
    List<NDArray> blocks = new ArrayList<>();
    try (TensorScope inner = TensorScope.open()) {
      fill(blocks, 512, 1000);
      fill(blocks, 8 << 10, 300);
      fill(blocks, 128 << 10, 50);
      fill(blocks, 1 << 20, 20);
      fill(blocks, 4 << 20, 20);
      fill(blocks, 32 << 20, 8);
      fill(blocks, 256 << 20, 4);
    }
  }

  private void fill(List<NDArray> blocks, long bytes, int count) {
    for (int i = 0; i < count; i++) {
      NDArray block = Operators.empty(gpu, ElementType.BFLOAT16, bytes / 2);
      Operators.addInPlace(block, Double.NaN);
      blocks.add(block);
    }
  }

  /**
   * The relative error of a result in the Euclidean norm.
   *
   * @param scale what errors are compared with where the exact result is smaller than that: sums
   *     whose terms cancel are as wrong as their terms
   */
  static double error(double[] result, double[] exact, double scale) {
    if (result.length != exact.length) {
      throw new AssertionError(result.length + " elements instead of " + exact.length);
    }
    double squares = 0;
    for (int i = 0; i < result.length; i++) {
      squares += (result[i] - exact[i]) * (result[i] - exact[i]);
    }
    double size = Math.max(norm(exact), scale);
    return squares == 0 ? 0 : Math.sqrt(squares) / size;
  }

  static double norm(double[] x) {
    return Math.sqrt(Arrays.stream(x).map(v -> v * v).sum());
  }

  @Override
  public void close() {
    scope.close();
    gpu.close();
    cpu.close();
    paused.close();
  }
}
