package io.sparkhawk.executor.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.Twins.Twin;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The mixer's kernels against its definition, y = ((C B^T) * L + D) x with the whole matrix of each
 * head, and libtorch's derivatives of it.
 */
@Tag("gpu")
class MixerKernelsTest {

  /** Tiles, the matrix, the state and the result are each rounded once. */
  private static final double TOLERANCE = 3 * Twins.ROUNDOFF;

  /** Of the gradient of one head's decays, the worst of all heads. */
  private static final double DECAY_TOLERANCE = 2 * TOLERANCE;

  /** Gradients smaller than this share of what they are sums of are compared with the share. */
  private static final double CANCELLATION = 0.02;

  /**
   * The same for the gradients of decays. Each is a sum over a whole head, of random signs here, of
   * products of y and its gradient; its error is a share of what such a sum usually is: the norm of
   * the gradient of x times that of one y.
   */
  private static final double DECAY_CANCELLATION = 0.5;

  @ParameterizedTest
  @CsvSource({
    "8, 64, 64, 1, 1",
    "8, 64, 64, 3, 2",
    "8, 64, 64, 2, 3",
    "8, 64, 64, 2, 63",
    "8, 64, 64, 2, 64",
    "8, 64, 64, 1, 65",
    "8, 64, 64, 1, 129",
    "8, 64, 64, 1, 255",
    "16, 64, 64, 1, 256",
    "8, 64, 64, 3, 257",
    "8, 16, 16, 2, 100",
    "8, 16, 128, 3, 67",
    "8, 128, 16, 1, 131",
    "8, 128, 128, 2, 191",
    "24, 32, 80, 1, 70"
  })
  void outputsAndGradientsAreThoseOfTheDefinition(
      int heads, int headSize, int stateSize, int batch, int length) {
    try (Twins twins = Twins.ofAnySeed()) {
      check(twins, new Sizes(heads, headSize, stateSize, batch, length), decays(0, 2));
    }
  }

  @RepeatedTest(3)
  void randomSizesAreRight() {
    try (Twins twins = Twins.ofAnySeed()) {
      Random random = twins.random();
      Sizes sizes =
          new Sizes(
              8 * (1 + random.nextInt(3)),
              16 * (1 + random.nextInt(8)),
              16 * (1 + random.nextInt(8)),
              1 + random.nextInt(3),
              1 + random.nextInt(400));
      System.out.println(sizes);
      check(twins, sizes, decays(0, 2));
    }
  }

  /** Logarithms of a: A of 12 is a running sum of -12 for each position, A of -12 one of -6e-6. */
  @ParameterizedTest
  @ValueSource(doubles = {-12, 0, 12})
  void longSequencesAreRightWhateverTheDecay(double mean) {
    try (Twins twins = Twins.ofAnySeed()) {
      check(twins, new Sizes(8, 64, 64, 1, 2113), decays(mean, 1));
    }
  }

  @Test
  void longSequencesAreRightWhereSomeHeadsForgetAtOnceAndOthersNever() {
    try (Twins twins = Twins.ofAnySeed()) {
      Sizes sizes = new Sizes(8, 64, 64, 1, 2050);
      check(
          twins,
          sizes,
          (random, head, position) ->
              head % 2 == 0 ? 15 : head % 4 == 1 ? -15 : position % 9 * 3 - 12);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "8, 64, 1, 1",
    "8, 64, 2, 2",
    "8, 64, 3, 3",
    "8, 64, 1, 63",
    "8, 16, 2, 64",
    "16, 32, 1, 65",
    "8, 64, 2, 255",
    "8, 128, 1, 256",
    "24, 48, 3, 257",
    "8, 64, 1, 1031"
  })
  void convolutionAloneIsRight(int heads, int stateSize, int batch, int length) {
    try (Twins twins = Twins.ofAnySeed()) {
      int channels = 2 * heads * stateSize;
      Twin raw = twins.normal(0, 1, batch, length, channels);
      Twin weight = twins.normal(0, 0.5, channels, 1, 4);
      Twin bias = twins.normal(0, 0.5, channels);
      Twin gradient = twins.normal(0, 1, batch, length, channels);
      Twin scale = twins.of(twins.normals(0, 1, batch, heads), ElementType.FLOAT32, batch, heads);
      MixerKernels kernels = twins.kernels().mixer(heads, 64, stateSize, 4).orElseThrow();

      List<double[]> results =
          twins.results(
              () -> {
                MixerKernels.ConvolutionBackward back =
                    kernels.convolveBackward(raw.gpu(), weight.gpu(), gradient.gpu(), scale.gpu());
                return List.of(
                    kernels.convolve(raw.gpu(), weight.gpu(), bias.gpu()), back.raw(), back.taps());
              });
      NDArray exact;
      try (Gradients recording = Gradients.record()) {
        exact = convolution(raw.exact(), weight.exact(), bias.exact());
      }
      NDArray factors = // of each channel: those of B, then those of C
          Operators.reshape(
              Operators.add(
                  Operators.zeros(
                      scale.exact().getManager(),
                      ElementType.FLOAT64,
                      batch,
                      1,
                      2,
                      heads,
                      stateSize),
                  Operators.reshape(Gradients.constant(scale.exact()), batch, 1, 1, heads, 1)),
              batch,
              1,
              channels);
      Gradients.backward(exact, Operators.multiply(Gradients.constant(gradient.exact()), factors));

      assertThat(Twins.error(results.get(0), elements(exact), 0)).isLessThan(1.1 * Twins.ROUNDOFF);
      assertThat(Twins.error(results.get(1), gradientOf(raw), 0)).isLessThan(1.1 * Twins.ROUNDOFF);
      assertThat(Twins.error(results.get(2), taps(weight, bias), 0)).isLessThan(1e-5);
    }
  }

  @Test
  void sizesWithoutKernelsAreRefused() {
    try (Twins twins = Twins.ofAnySeed()) {
      Kernels kernels = twins.kernels();
      assertThat(kernels.mixer(8, 64, 64, 4)).isPresent();
      assertThat(kernels.mixer(7, 64, 64, 4)).isEmpty();
      assertThat(kernels.mixer(8, 144, 64, 4)).isEmpty();
      assertThat(kernels.mixer(8, 64, 24, 4)).isEmpty();
      assertThat(kernels.mixer(8, 64, 64, 3)).isEmpty();
    }
  }

  private record Sizes(int heads, int headSize, int stateSize, int batch, int length) {

    int inner() {
      return heads * headSize;
    }

    int states() {
      return heads * stateSize;
    }

    int channels() {
      return inner() + 2 * states();
    }

    int row() {
      return channels() + inner() + heads;
    }
  }

  /** The projection's A. */
  private interface Decays {
    double at(Random random, int head, int position);
  }

  private static Decays decays(double mean, double deviation) {
    return (random, head, position) -> mean + deviation * random.nextGaussian();
  }

  private static Twin projection(Twins twins, Sizes sizes, Decays decays) {
    int row = sizes.row();
    float[] values = twins.normals(0, 1, sizes.batch, sizes.length, row);
    // B and C such that their products are about 1.
    float small = (float) Math.pow(sizes.stateSize, -0.25);
    for (int i = 0; i < sizes.batch * sizes.length; i++) {
      for (int column = sizes.inner(); column < sizes.channels(); column++) {
        values[i * row + column] *= small;
      }
      for (int head = 0; head < sizes.heads; head++) {
        values[(i + 1) * row - sizes.heads + head] =
            (float) decays.at(twins.random(), head, i % sizes.length);
      }
    }
    return twins.of(values, ElementType.BFLOAT16, sizes.batch, sizes.length, row);
  }

  /** What the kernels take, and the gradient of the output. */
  private record Inputs(
      Twin projected, Twin convWeight, Twin convBias, Twin gateBias, Twin skip, Twin outGradient) {

    static Inputs random(Twins twins, Sizes sizes, Decays decays) {
      return new Inputs(
          projection(twins, sizes, decays),
          twins.normal(0, 0.5, sizes.channels(), 1, 4),
          twins.normal(0, 0.2, sizes.channels()),
          twins.normal(0, 0.5, sizes.inner()),
          twins.normal(1, 0.3, sizes.heads),
          twins.normal(0, 1, sizes.batch, sizes.length, sizes.inner()));
    }
  }

  private static void check(Twins twins, Sizes sizes, Decays decays) {
    Inputs in = Inputs.random(twins, sizes, decays);
    List<double[]> results = kernelResults(twins, sizes, in);
    double[] exact = differentiate(sizes, in);

    Map<String, Double> errors = new LinkedHashMap<>();
    errors.put("output", Twins.error(results.get(0), exact, 0));
    putProjectionErrors(sizes, in.projected, results.get(3), errors);
    double ofDecays = decayError(sizes, in.projected, results.get(3));
    errors.put("convolution", Twins.error(results.get(4), taps(in.convWeight, in.convBias), 0));
    errors.put("skip", Twins.error(results.get(5), gradientOf(in.skip), 0));
    System.out.println(sizes + " A, worst head " + ofDecays + ", " + errors);
    assertThat(results.get(1)).as("output with states").isEqualTo(results.get(0));
    assertThat(errors).allSatisfy((name, error) -> assertThat(error).isLessThan(TOLERANCE));
    assertThat(ofDecays).isLessThan(DECAY_TOLERANCE);
  }

  /** Output, output and states for training, gradients of projection, convolution and skip. */
  private static List<double[]> kernelResults(Twins twins, Sizes sizes, Inputs in) {
    MixerKernels kernels =
        twins.kernels().mixer(sizes.heads, sizes.headSize, sizes.stateSize, 4).orElseThrow();
    NDArray projected = in.projected.gpu();
    MixerKernels.Weights weights =
        new MixerKernels.Weights(
            in.convWeight.gpu(), in.convBias.gpu(), in.gateBias.gpu(), in.skip.gpu());
    return twins.results(
        () -> {
          MixerKernels.Forward forward = kernels.forwardForTraining(projected, weights);
          MixerKernels.Backward back =
              kernels.backward(projected, weights, forward.states(), in.outGradient.gpu());
          return List.of(
              kernels.forward(projected, weights),
              forward.out(),
              forward.states(),
              back.projected(),
              back.convolution(),
              back.skip());
        });
  }

  /** The exact output; its gradients are then with the inputs. */
  private static double[] differentiate(Sizes sizes, Inputs in) {
    NDArray exact;
    try (Gradients recording = Gradients.record()) {
      NDArray raw = Operators.narrow(in.projected.exact(), 2, 0, sizes.channels());
      exact =
          definition(
              sizes,
              in.projected.exact(),
              convolution(raw, in.convWeight.exact(), in.convBias.exact()),
              in.gateBias.exact(),
              in.skip.exact());
    }
    Gradients.backward(exact, Gradients.constant(in.outGradient.exact()));
    return elements(exact);
  }

  private static void putProjectionErrors(
      Sizes sizes, Twin projected, double[] gradient, Map<String, Double> errors) {
    double[] exact = gradientOf(projected);
    int row = sizes.row();
    int[] ends = {
      0,
      sizes.inner(),
      sizes.inner() + sizes.states(),
      sizes.channels(),
      sizes.channels() + sizes.inner()
    };
    for (int part = 0; part < 4; part++) {
      double[] ours = columns(gradient, row, ends[part], ends[part + 1]);
      double[] expected = columns(exact, row, ends[part], ends[part + 1]);
      double least = CANCELLATION * Twins.norm(exact);
      errors.put("gradient of " + "xBCz".charAt(part), Twins.error(ours, expected, least));
    }
  }

  private static double decayError(Sizes sizes, Twin projected, double[] gradient) {
    double[] exact = gradientOf(projected);
    int row = sizes.row();
    double[] a = elements(projected.exact());
    double largest = 0;
    for (int head = 0; head < sizes.heads; head++) {
      int column = row - sizes.heads + head;
      double[] x = columns(exact, row, head * sizes.headSize, (head + 1) * sizes.headSize);
      double least =
          DECAY_CANCELLATION * Twins.norm(x) * sensitivity(columns(a, row, column, column + 1));
      double[] ours = columns(gradient, row, column, column + 1);
      double[] expected = columns(exact, row, column, column + 1);
      largest = Math.max(largest, Twins.error(ours, expected, least));
    }
    return largest;
  }

  /** How much log decays change with A: the root mean square of sigmoid(A). */
  private static double sensitivity(double[] a) {
    return Twins.norm(Arrays.stream(a).map(v -> 1 / (1 + Math.exp(-v))).toArray())
        / Math.sqrt(a.length);
  }

  /** (batch, length, inner width) of the projection and of its convolved channels. */
  private static NDArray definition(
      Sizes sizes, NDArray projected, NDArray xbc, NDArray gateBias, NDArray skip) {
    NDArray x = heads(sizes, xbc, 0, sizes.headSize);
    NDArray b = heads(sizes, xbc, sizes.inner(), sizes.stateSize);
    NDArray c = heads(sizes, xbc, sizes.inner() + sizes.states(), sizes.stateSize);
    NDArray a = Operators.narrow(projected, 2, sizes.row() - sizes.heads, sizes.heads);
    NDArray logDecay = Operators.negate(Operators.softplus(Operators.transpose(a, 1, 2)));
    NDArray sums = Operators.cumulativeSum(logDecay, 2); // (batch, heads, length)
    NDArray factors =
        Operators.exp(
            Operators.add(
                Operators.subtract(Operators.unsqueeze(sums, 3), Operators.unsqueeze(sums, 2)),
                future(sums)));
    NDArray matrix = Operators.multiply(Operators.matmul(c, Operators.transpose(b, 2, 3)), factors);
    NDArray y =
        Operators.add(
            Operators.matmul(matrix, x), Operators.multiply(x, Operators.reshape(skip, -1, 1, 1)));
    NDArray flat =
        Operators.reshape(
            Operators.permute(y, 0, 2, 1, 3), sizes.batch, sizes.length, sizes.inner());
    NDArray z =
        Operators.add(Operators.narrow(projected, 2, sizes.channels(), sizes.inner()), gateBias);
    return Operators.multiply(flat, Operators.silu(z));
  }

  /** 0 for positions up to the row's own, minus infinity for later ones. */
  static NDArray future(NDArray sums) {
    int length = Math.toIntExact(sums.getShape().get(2));
    float[] mask = new float[length * length];
    for (int i = 0; i < length; i++) {
      Arrays.fill(mask, i * length + i + 1, (i + 1) * length, Float.NEGATIVE_INFINITY);
    }
    return HostMemory.tensor(sums.getManager(), mask, ElementType.FLOAT64, length, length);
  }

  private static NDArray heads(Sizes sizes, NDArray xbc, int first, int size) {
    NDArray part = Operators.narrow(xbc, 2, first, (long) sizes.heads * size);
    return Operators.permute(
        Operators.reshape(part, sizes.batch, sizes.length, sizes.heads, size), 0, 2, 1, 3);
  }

  private static NDArray convolution(NDArray x, NDArray weight, NDArray bias) {
    long length = x.getShape().get(1);
    NDArray padded = Operators.padLength(x, 3, 0);
    NDArray sum = bias;
    for (int tap = 0; tap < 4; tap++) {
      NDArray factor = Operators.reshape(Operators.narrow(weight, 2, tap, 1), -1);
      sum =
          Operators.add(sum, Operators.multiply(Operators.narrow(padded, 1, tap, length), factor));
    }
    return sum;
  }

  /** The gradients of weight and bias as the kernel gives them: (channels, 5). */
  private static double[] taps(Twin weight, Twin bias) {
    double[] w = gradientOf(weight);
    double[] b = gradientOf(bias);
    double[] both = new double[5 * b.length];
    for (int channel = 0; channel < b.length; channel++) {
      System.arraycopy(w, 4 * channel, both, 5 * channel, 4);
      both[5 * channel + 4] = b[channel];
    }
    return both;
  }

  private static double[] columns(double[] rows, int row, int first, int end) {
    int width = end - first;
    double[] columns = new double[rows.length / row * width];
    for (int i = 0; i < rows.length / row; i++) {
      System.arraycopy(rows, i * row + first, columns, i * width, width);
    }
    return columns;
  }

  static double[] gradientOf(Twin twin) {
    return Operators.toDoubles(Gradients.of(twin.exact()));
  }

  static double[] elements(NDArray tensor) {
    return Operators.toDoubles(Gradients.constant(tensor));
  }
}
