package io.sparkhawk.executor.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.Twins.Twin;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The distance between matrices against both matrices made whole. */
@Tag("gpu")
class MatrixKernelsTest {

  /** Of the squared norms: sums are float32, and only the exponentials' arguments are rough. */
  private static final double NORM_TOLERANCE = 5e-4;

  /** The difference and the result are each rounded once. */
  private static final double GRADIENT_TOLERANCE = 2 * Twins.ROUNDOFF;

  /** Gradients smaller than this share of those of B and C are compared with the share. */
  private static final double CANCELLATION = 0.02;

  @ParameterizedTest
  @CsvSource({
    "8, 64, 64, 1, 1",
    "8, 64, 64, 3, 2",
    "8, 64, 64, 2, 63",
    "8, 64, 64, 2, 64",
    "8, 64, 64, 1, 65",
    "8, 64, 64, 2, 129",
    "8, 64, 64, 1, 255",
    "16, 64, 64, 1, 256",
    "4, 64, 64, 3, 257",
    "3, 16, 16, 2, 100",
    "8, 16, 128, 3, 67",
    "8, 128, 16, 1, 131",
    "5, 128, 128, 2, 191",
    "24, 32, 80, 1, 70"
  })
  void distanceAndGradientsAreThoseOfTheWholeMatrices(
      int heads, int headSize, int stateSize, int batch, int length) {
    try (Twins twins = Twins.ofAnySeed()) {
      check(twins, new Sizes(heads, headSize, stateSize, batch, length), 0, 2);
    }
  }

  @RepeatedTest(3)
  void randomSizesAreRight() {
    try (Twins twins = Twins.ofAnySeed()) {
      Random random = twins.random();
      Sizes sizes =
          new Sizes(
              1 + random.nextInt(16),
              16 * (1 + random.nextInt(8)),
              16 * (1 + random.nextInt(8)),
              1 + random.nextInt(3),
              1 + random.nextInt(400));
      System.out.println(sizes);
      check(twins, sizes, 0, 2);
    }
  }

  /**
   * The running sums end at about -2e4, where neighbours of float32 are 2e-3 apart, or at -0.01.
   */
  @ParameterizedTest
  @CsvSource({"10, 1", "0, 1", "-12, 1", "0, 8"})
  void longSequencesAreRightWhateverTheDecay(double mean, double deviation) {
    try (Twins twins = Twins.ofAnySeed()) {
      check(twins, new Sizes(4, 64, 64, 1, 2113), mean, deviation);
    }
  }

  @Test
  void sizesWithoutKernelsAreRefused() {
    try (Twins twins = Twins.ofAnySeed()) {
      assertThat(twins.kernels().matrices(3, 64, 16)).isPresent();
      assertThat(twins.kernels().matrices(3, 40, 16)).isEmpty();
      assertThat(twins.kernels().matrices(3, 64, 256)).isEmpty();
    }
  }

  private record Sizes(int heads, int headSize, int stateSize, int batch, int length) {}

  private record Inputs(Twin query, Twin key, Twin convolved, Twin a, Twin skip) {

    static Inputs random(Twins twins, Sizes sizes, double decayMean, double decayDeviation) {
      int heads = sizes.heads;
      double deviation = Math.pow(sizes.stateSize, -0.25); // products of B and C are about 1
      return new Inputs(
          twins.normal(0, 1, sizes.batch, sizes.length, heads, sizes.headSize),
          twins.normal(0, 1, sizes.batch, sizes.length, heads, sizes.headSize),
          twins.normal(0, deviation, sizes.batch, sizes.length, 2L * heads * sizes.stateSize),
          twins.normal(decayMean, decayDeviation, sizes.batch, heads, sizes.length),
          twins.normal(0.5, 0.3, heads));
    }
  }

  private static void check(Twins twins, Sizes sizes, double decayMean, double decayDeviation) {
    Inputs in = Inputs.random(twins, sizes, decayMean, decayDeviation);
    List<double[]> results = kernelResults(twins, sizes, in);
    NDArray sums = Gradients.leaf(sums(Gradients.constant(in.a.exact())));
    NDArray zeros = Operators.zerosLike(Operators.sum(sums, 2)); // (batch, heads)
    NDArray skips = Gradients.leaf(Operators.add(zeros, Gradients.constant(in.skip.exact())));
    double[] squares = differentiate(sizes, in, sums, skips);

    double[] ofConvolved = MixerKernelsTest.gradientOf(in.convolved);
    double[] ofSums = Operators.toDoubles(Gradients.of(sums));
    double[] ofSkips = Operators.toDoubles(Gradients.of(skips));
    double least = CANCELLATION * Twins.norm(ofConvolved);
    double squared = Twins.error(results.get(0), squares, 0);
    Map<String, Double> errors = new LinkedHashMap<>();
    errors.put("gradient of B and C", Twins.error(results.get(1), ofConvolved, 0));
    errors.put("gradient of the sums", Twins.error(results.get(2), ofSums, least));
    errors.put("gradient of D", Twins.error(results.get(3), ofSkips, 0));
    System.out.println(sizes + " squares " + squared + " " + errors);
    assertThat(squared).isLessThan(NORM_TOLERANCE);
    assertThat(errors)
        .allSatisfy((name, error) -> assertThat(error).isLessThan(GRADIENT_TOLERANCE));
  }

  /** Squared norms, and gradients of B and C, running sums, and D. */
  private static List<double[]> kernelResults(Twins twins, Sizes sizes, Inputs in) {
    MatrixKernels kernels =
        twins.kernels().matrices(sizes.heads, sizes.headSize, sizes.stateSize).orElseThrow();
    MatrixKernels.Operands operands =
        new MatrixKernels.Operands(
            in.query.gpu(),
            in.key.gpu(),
            in.convolved.gpu(),
            sums(Operators.convert(in.a.gpu(), ElementType.FLOAT32)),
            in.skip.gpu());
    return twins.results(
        () -> {
          MatrixKernels.Distance distance = kernels.compare(operands);
          return List.of(
              distance.squares(), distance.convolved(), distance.sums(), distance.skip());
        });
  }

  /** Running sums of log decays: (batch, heads, length). */
  private static NDArray sums(NDArray a) {
    return Operators.cumulativeSum(Operators.negate(Operators.softplus(a)), 2);
  }

  /**
   * The exact squared norms; the gradients of half of them are then with the leaves.
   *
   * @param skips D of each sequence by itself: (batch, heads)
   */
  private static double[] differentiate(Sizes sizes, Inputs in, NDArray sums, NDArray skips) {
    NDArray query = Gradients.constant(in.query.exact());
    NDArray key = Gradients.constant(in.key.exact());
    NDArray squares;
    try (Gradients recording = Gradients.record()) {
      NDArray matrix = mixerMatrix(sizes, in.convolved.exact(), sums, skips);
      NDArray difference = Operators.subtract(matrix, attention(sizes, query, key));
      squares = Operators.sum(Operators.multiply(difference, difference), 2, 3);
    }
    Gradients.backward(squares, Operators.filledLike(squares, 0.5));
    return MixerKernelsTest.elements(squares);
  }

  /** (batch, heads, length, length). */
  private static NDArray mixerMatrix(Sizes sizes, NDArray convolved, NDArray sums, NDArray skips) {
    int states = sizes.heads * sizes.stateSize;
    NDArray b = byHead(sizes, Operators.narrow(convolved, 2, 0, states), sizes.stateSize);
    NDArray c = byHead(sizes, Operators.narrow(convolved, 2, states, states), sizes.stateSize);
    NDArray decays =
        Operators.exp(
            Operators.add(
                Operators.subtract(Operators.unsqueeze(sums, 3), Operators.unsqueeze(sums, 2)),
                MixerKernelsTest.future(sums)));
    NDArray scores = Operators.matmul(c, Operators.transpose(b, 2, 3));
    NDArray diagonal =
        Operators.multiply(
            Operators.reshape(skips, sizes.batch, sizes.heads, 1, 1), identity(sums));
    return Operators.add(Operators.multiply(scores, decays), diagonal);
  }

  private static NDArray identity(NDArray sums) {
    int length = Math.toIntExact(sums.getShape().get(2));
    float[] elements = new float[length * length];
    for (int i = 0; i < length; i++) {
      elements[i * length + i] = 1;
    }
    return HostMemory.tensor(sums.getManager(), elements, ElementType.FLOAT64, length, length);
  }

  private static NDArray attention(Sizes sizes, NDArray query, NDArray key) {
    NDArray scores =
        Operators.scale(
            Operators.matmul(
                byHead(sizes, query, sizes.headSize),
                Operators.transpose(byHead(sizes, key, sizes.headSize), 2, 3)),
            1 / Math.sqrt((double) sizes.headSize));
    NDArray sums = Operators.sum(scores, 3); // (batch, heads, length), for its length and manager
    return Operators.softmax(Operators.add(scores, MixerKernelsTest.future(sums)));
  }

  private static NDArray byHead(Sizes sizes, NDArray x, int size) {
    return Operators.permute(
        Operators.reshape(x, sizes.batch, sizes.length, sizes.heads, size), 0, 2, 1, 3);
  }
}
