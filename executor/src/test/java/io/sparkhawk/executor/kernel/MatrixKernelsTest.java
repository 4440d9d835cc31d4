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

  private static void check(Twins twins, Sizes sizes, double decayMean, double decayDeviation) {
    int batch = sizes.batch;
    int length = sizes.length;
    int heads = sizes.heads;
    Twin query = twins.normal(0, 1, batch, length, heads, sizes.headSize);
    Twin key = twins.normal(0, 1, batch, length, heads, sizes.headSize);
    Twin convolved =
        twins.normal(
            0, Math.pow(sizes.stateSize, -0.25), batch, length, 2L * heads * sizes.stateSize);
    Twin a = twins.normal(decayMean, decayDeviation, batch, heads, length);
    Twin skip = twins.normal(0.5, 0.3, heads);
    NDArray gpuSums = // as FusedDistance makes them
        Operators.cumulativeSum(
            Operators.negate(Operators.softplus(Operators.convert(a.gpu(), ElementType.FLOAT32))),
            2);
    MatrixKernels kernels =
        twins.kernels().matrices(heads, sizes.headSize, sizes.stateSize).orElseThrow();

    List<double[]> results =
        twins.results(
            () -> {
              MatrixKernels.Distance d =
                  kernels.compare(
                      new MatrixKernels.Operands(
                          query.gpu(), key.gpu(), convolved.gpu(), gpuSums, skip.gpu()));
              return List.of(d.squares(), d.convolved(), d.sums(), d.skip());
            });
    NDArray sums =
        Gradients.leaf(
            Operators.cumulativeSum(
                Operators.negate(Operators.softplus(Gradients.constant(a.exact()))), 2));
    NDArray skips = // D of each sequence by itself
        Gradients.leaf(
            Operators.add(
                Operators.zeros(skip.exact().getManager(), ElementType.FLOAT64, batch, heads),
                Gradients.constant(skip.exact())));
    NDArray squares;
    try (Gradients recording = Gradients.record()) {
      NDArray difference =
          Operators.subtract(
              mixerMatrix(sizes, convolved.exact(), sums, skips),
              attention(sizes, Gradients.constant(query.exact()), Gradients.constant(key.exact())));
      squares = Operators.sum(Operators.multiply(difference, difference), 2, 3);
    }
    Gradients.backward(squares, Operators.filledLike(squares, 0.5));

    double[] ofConvolved = MixerKernelsTest.gradientOf(convolved);
    Map<String, Double> errors = new LinkedHashMap<>();
    errors.put("gradient of B and C", Twins.error(results.get(1), ofConvolved, 0));
    errors.put(
        "gradient of the sums",
        Twins.error(
            results.get(2),
            Operators.toDoubles(Gradients.of(sums)),
            0.02 * Twins.norm(ofConvolved)));
    errors.put(
        "gradient of D", Twins.error(results.get(3), Operators.toDoubles(Gradients.of(skips)), 0));
    double squared = Twins.error(results.get(0), MixerKernelsTest.elements(squares), 0);
    System.out.println(sizes + " squares " + squared + " " + errors);
    assertThat(squared).isLessThan(NORM_TOLERANCE);
    assertThat(errors)
        .allSatisfy((name, error) -> assertThat(error).isLessThan(GRADIENT_TOLERANCE));
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
