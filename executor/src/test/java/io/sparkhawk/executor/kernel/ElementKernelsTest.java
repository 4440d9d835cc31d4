package io.sparkhawk.executor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.Twins.Twin;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The element-wise kernels against plain operators and, for AdamW, against its algorithm. */
@Tag("gpu")
class ElementKernelsTest {

  /** Results that are computed in float32 and rounded once. */
  private static final double ONCE = 1.1 * Twins.ROUNDOFF;

  @ParameterizedTest
  @CsvSource({"1, 8", "3, 2040", "1, 2048", "5, 2056", "257, 1032"})
  void geluAndItsGradientAreRight(int rows, int width) {
    try (Twins twins = Twins.ofAnySeed()) {
      Twin x = twins.normal(0, 3, rows, width);
      Twin gradient = twins.normal(0, 1, rows, width);
      ElementKernels kernels = twins.kernels().elements();

      List<double[]> results =
          twins.results(
              () -> {
                NDArray inPlace = Operators.scale(gradient.gpu(), 1);
                NDArray again = kernels.geluBackward(x.gpu(), inPlace);
                return List.of(kernels.gelu(x.gpu()), again, inPlace);
              });
      NDArray exact;
      try (Gradients recording = Gradients.record()) {
        exact = Operators.geluTanh(x.exact());
      }
      Gradients.backward(exact, Gradients.constant(gradient.exact()));

      assertThat(Twins.error(results.get(0), MixerKernelsTest.elements(exact), 0)).isLessThan(ONCE);
      assertThat(results.get(1)).isEqualTo(results.get(0));
      assertThat(Twins.error(results.get(2), MixerKernelsTest.gradientOf(x), 0)).isLessThan(ONCE);
    }
  }

  @Test
  void geluOfNumbersFarFromZeroIsFinite() {
    try (Twins twins = Twins.ofAnySeed()) {
      float[] far = {-0x1p43f, -1e4f, -50, -0f, 0, 50, 1e4f, 0x1p43f};
      Twin x = twins.of(far, ElementType.BFLOAT16, 8);
      ElementKernels kernels = twins.kernels().elements();
      NDArray gradient = Operators.filledLike(x.gpu(), 1);

      double[] values = positiveZeros(kernels.gelu(x.gpu()));
      kernels.geluBackward(x.gpu(), gradient);

      double[] rounded = MixerKernelsTest.elements(x.exact());
      assertThat(values).containsExactly(0, 0, 0, 0, 0, rounded[5], rounded[6], rounded[7]);
      assertThat(positiveZeros(gradient)).containsExactly(0, 0, 0, 0.5, 0.5, 1, 1, 1);
    }
  }

  private static double[] positiveZeros(NDArray x) {
    return Arrays.stream(Operators.toDoubles(x)).map(value -> value + 0.0).toArray();
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 16, 4",
    "2, 63, 3, 64, 32",
    "3, 65, 8, 80, 32",
    "1, 257, 5, 128, 128",
    "2, 7, 2, 18, 8"
  })
  void rotationIsRight(int batch, int length, int heads, int size, int rotated) {
    try (Twins twins = Twins.ofAnySeed()) {
      Twin x = twins.normal(0, 1, batch, length, heads, size);
      int positions = length + 3;
      float[] halves = twins.normals(0, 1, positions, rotated);
      for (int i = 0; i < halves.length; i++) {
        int column = i % rotated;
        halves[i] = column < rotated / 2 ? halves[i] : halves[i - rotated / 2];
      }
      float[] others = new float[halves.length];
      for (int i = 0; i < others.length; i++) {
        others[i] = (float) Math.cos(halves[i]);
        halves[i] = (float) Math.sin(halves[i]);
      }
      Twin cosine = twins.of(others, ElementType.BFLOAT16, positions, rotated);
      Twin sine = twins.of(halves, ElementType.BFLOAT16, positions, rotated);
      ElementKernels kernels = twins.kernels().elements();

      List<double[]> results =
          twins.results(() -> List.of(kernels.rotate(x.gpu(), cosine.gpu(), sine.gpu())));

      double[] exact = rotated(x, cosine, sine, new int[] {length, heads, size, rotated});
      assertThat(Twins.error(results.get(0), exact, 0)).isLessThan(ONCE);
    }
  }

  /** (x1, x2) to (x1 cos - x2 sin, x2 cos + x1 sin), element by element. */
  private static double[] rotated(Twin x, Twin cosine, Twin sine, int[] sizes) {
    double[] values = MixerKernelsTest.elements(x.exact());
    double[] c = MixerKernelsTest.elements(cosine.exact());
    double[] s = MixerKernelsTest.elements(sine.exact());
    double[] out = values.clone();
    int length = sizes[0];
    int heads = sizes[1];
    int size = sizes[2];
    int half = sizes[3] / 2;
    for (int head = 0; head < values.length / size; head++) {
      int position = head / heads % length;
      for (int j = 0; j < half; j++) {
        double first = values[head * size + j];
        double second = values[head * size + half + j];
        double cos = c[position * sizes[3] + j];
        double sin = s[position * sizes[3] + j];
        out[head * size + j] = first * cos - second * sin;
        out[head * size + half + j] = second * cos + first * sin;
      }
    }
    return out;
  }

  @ParameterizedTest
  @CsvSource({
    "1, 96, 0, 3",
    "37, 96, 0, 3",
    "5, 8, 0, 1",
    "3, 4096, 0, 4",
    "2, 4104, 0, 4",
    "7, 51200, 0, 3",
    "2, 51200, -60, 8",
    "2, 51200, 90, 0.5"
  })
  void softCrossEntropyAndItsGradientAreRight(
      int rows, int vocabulary, double mean, double deviation) {
    try (Twins twins = Twins.ofAnySeed()) {
      Twin teacher = twins.normal(mean, deviation, rows, vocabulary);
      Twin student = twins.normal(-mean, deviation, rows, vocabulary);
      double factor = 1.0 / 4096;
      ElementKernels kernels = twins.kernels().elements();

      List<double[]> results =
          twins.results(
              () -> {
                NDArray untouched = Operators.scale(student.gpu(), 1);
                NDArray inPlace = Operators.scale(student.gpu(), 1);
                return List.of(
                    kernels.softCrossEntropy(teacher.gpu(), untouched, 0),
                    untouched,
                    kernels.softCrossEntropy(teacher.gpu(), inPlace, factor),
                    inPlace);
              });
      NDArray exact;
      try (Gradients recording = Gradients.record()) {
        NDArray p = Operators.softmax(Gradients.constant(teacher.exact()));
        NDArray logQ = Operators.logSoftmax(student.exact());
        exact = Operators.negate(Operators.sum(Operators.multiply(p, logQ), 1));
      }
      Gradients.backward(exact, Operators.filledLike(exact, factor));

      double[] losses = MixerKernelsTest.elements(exact);
      assertThat(Twins.error(results.get(0), losses, 0)).isLessThan(1e-5);
      assertThat(results.get(1)).isEqualTo(MixerKernelsTest.elements(student.exact()));
      assertThat(results.get(2)).isEqualTo(results.get(0));
      assertThat(Twins.error(results.get(3), MixerKernelsTest.gradientOf(student), 0))
          .isLessThan(ONCE);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, FLOAT32",
    "3, BFLOAT16",
    "4, FLOAT32",
    "5, BFLOAT16",
    "1023, FLOAT32",
    "1023, BFLOAT16",
    "2097152, BFLOAT16", // one access to memory for each thread
    "2097155, BFLOAT16",
    "20000003, FLOAT32",
    "20000001, BFLOAT16"
  })
  void partsOfASumOfSquaresAddUpToIt(int count, ElementType type) {
    try (Twins twins = Twins.ofAnySeed()) {
      Twin x = twins.of(twins.normals(0, 3, count), type, count);
      ElementKernels kernels = twins.kernels().elements();

      List<double[]> results = twins.results(() -> List.of(kernels.sumsOfSquares(x.gpu())));

      double squares =
          Arrays.stream(MixerKernelsTest.elements(x.exact())).map(value -> value * value).sum();
      assertThat(Arrays.stream(results.get(0)).sum()).isCloseTo(squares, withinPercentage(1e-4));
    }
  }

  @Test
  void sumOfSquaresOfWhatIsNotFiniteIsNotFinite() {
    try (Twins twins = Twins.ofAnySeed()) {
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
        float[] values = twins.normals(0, 1, 4099);
        values[4098] = bad;
        NDArray x = twins.of(values, ElementType.BFLOAT16, values.length).gpu();

        double[] sums = Operators.toDoubles(twins.kernels().elements().sumsOfSquares(x));

        assertThat(Arrays.stream(sums).sum()).isNotFinite();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "4, FLOAT32",
    "4, BFLOAT16",
    "16, FLOAT32",
    "1020, BFLOAT16",
    "1024, FLOAT32",
    "1028, BFLOAT16",
    "2500000, FLOAT32",
    "2500000, BFLOAT16"
  })
  void adamWIsTheAlgorithmElementByElement(int count, ElementType gradients) {
    try (Twins twins = Twins.ofAnySeed()) {
      State state = new State(twins, count, gradients);
      for (int t = 1; t <= 4; t++) {
        state.update(twins, t, t == 2 ? 0.25 : 1);
      }
      assertThat(Twins.error(Operators.toDoubles(state.w), state.weights, 0)).isLessThan(1e-6);
      assertThat(Twins.error(Operators.toDoubles(state.m), state.first, 0)).isLessThan(2e-6);
      assertThat(Twins.error(Operators.toDoubles(state.v), state.second, 0)).isLessThan(2e-6);
      assertThat(Operators.toDoubles(state.compute))
          .isEqualTo(Operators.toDoubles(Operators.convert(state.w, ElementType.BFLOAT16)));
    }
  }

  @Test
  void adamWWithScaleZeroChangesNothing() {
    try (Twins twins = Twins.ofAnySeed()) {
      State state = new State(twins, 4096, ElementType.FLOAT32);
      state.update(twins, 1, 1);
      List<double[]> before = state.elements();

      state.launch(twins, 2, 0);

      List<double[]> after = state.elements();
      for (int i = 0; i < before.size(); i++) {
        assertThat(after.get(i)).isEqualTo(before.get(i));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"4, 0, 7", "4, 1, 7", "0.25, 1, 0", "0, 1, 3"})
  void deviceDecidesOfAnUpdateAsTheHostDoes(double squares, double clip, long before) {
    UpdateRule rule = new UpdateRule(0.9, 0.95, 1e-8, 0.1, 1e-3, clip);
    try (Twins twins = Twins.ofAnySeed()) {
      UpdatePlan onHost = new UpdatePlan(twins.gpu());
      UpdatePlan onDevice = new UpdatePlan(twins.gpu());
      double norm = Math.sqrt(squares);
      onHost.decide(before + 1, clip == 0 ? 1 : Math.min(1, clip / (norm + 1e-6)), rule);

      onDevice.continueAfter(before);
      twins.kernels().elements().planUpdate(squares(twins, squares), onDevice, rule);

      double[] expected = Operators.toDoubles(onHost.numbers());
      double[] actual = Operators.toDoubles(onDevice.numbers());
      for (int i = 0; i < expected.length - 1; i++) {
        assertThat(actual[i]).isCloseTo(expected[i], withinPercentage(1e-10));
      }
      assertThat(actual[expected.length - 1]).isCloseTo(norm, withinPercentage(1e-5));
    }
  }

  @ParameterizedTest
  @CsvSource({"NaN, 1", "Infinity, 1", "1, NaN", "1, Infinity", "1, -Infinity"})
  void updateWithoutFiniteLossesAndGradientIsLeftOutAndNotCounted(double squares, double loss) {
    UpdateRule rule = new UpdateRule(0.9, 0.95, 1e-8, 0.1, 1e-3, 1);
    try (Twins twins = Twins.ofAnySeed();
        PinnedMemory memory = PinnedMemory.beside(squares(twins, 0), UpdatePlan.bytes())) {
      UpdatePlan plan = new UpdatePlan(twins.gpu());
      plan.continueAfter(5);

      twins.kernels().elements().planUpdate(figures(twins, 1, loss, squares), plan, rule);
      memory.copyFrom(plan, 0);
      DeviceEvent.now(plan.numbers()).await(Duration.ofMinutes(1), () -> {}, "the test");

      UpdatePlan.Decision decision = memory.decision(0);
      assertThat(decision.made()).isFalse();
      assertThat(decision.updates()).isEqualTo(5);
    }
  }

  private static NDArray figures(Twins twins, double... values) {
    return Operators.convert(HostMemory.float64(twins.gpu(), values), ElementType.FLOAT32);
  }

  private static NDArray squares(Twins twins, double value) {
    NDArray one = Operators.zeros(twins.gpu(), ElementType.FLOAT32, 1);
    Operators.addInPlace(one, value);
    return one;
  }

  /** The buffers of an optimizer, and the same in float64. */
  private static final class State {

    private static final double RATE = 1e-2;
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.95;
    private static final double EPSILON = 1e-8;
    private static final double DECAY = 0.1;

    private final int count;
    private final ElementType gradientType;
    private final NDArray w;
    private final NDArray m;
    private final NDArray v;
    private final NDArray compute;
    private final double[] weights;
    private final double[] first;
    private final double[] second;
    private NDArray gradients;

    State(Twins twins, int count, ElementType gradientType) {
      this.count = count;
      this.gradientType = gradientType;
      Twin start = twins.of(twins.normals(0, 1, count), ElementType.FLOAT32, count);
      this.w = start.gpu();
      this.m = Operators.zerosLike(w);
      this.v = Operators.zerosLike(w);
      this.gradients = Operators.zerosLike(w);
      this.compute = Operators.zeros(twins.gpu(), ElementType.BFLOAT16, count);
      this.weights = MixerKernelsTest.elements(start.exact());
      this.first = new double[count];
      this.second = new double[count];
    }

    void update(Twins twins, int t, double scale) {
      Twin g = twins.of(twins.normals(0, 1, count), gradientType, count);
      gradients = g.gpu();
      launch(twins, t, scale);
      double[] exact = MixerKernelsTest.elements(g.exact());
      for (int i = 0; i < count; i++) {
        double x = scale * exact[i];
        first[i] = BETA1 * first[i] + (1 - BETA1) * x;
        second[i] = BETA2 * second[i] + (1 - BETA2) * x * x;
        double step = first[i] / (1 - Math.pow(BETA1, t));
        double size = Math.sqrt(second[i] / (1 - Math.pow(BETA2, t))) + EPSILON;
        weights[i] -= RATE * (step / size + DECAY * weights[i]);
      }
    }

    void launch(Twins twins, int t, double scale) {
      UpdatePlan plan = new UpdatePlan(twins.gpu());
      UpdateRule rule = new UpdateRule(BETA1, BETA2, EPSILON, DECAY, RATE, 0);
      plan.decide(t, scale, rule);
      twins.kernels().elements().adamW(w, gradients, m, v, compute, plan, rule);
    }

    List<double[]> elements() {
      List<double[]> all = new ArrayList<>();
      List.of(w, m, v, compute).forEach(tensor -> all.add(Operators.toDoubles(tensor)));
      return all;
    }
  }
}
