package io.sparkhawk.executor.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class OperatorsTest {

  private final Random random = new Random(5);
  private NDManager manager;
  private TensorScope scope;
  private Gradients paused;

  @BeforeEach
  void open() {
    manager = NDManager.newBaseManager();
    scope = TensorScope.open();
    paused = Gradients.pause();
  }

  @AfterEach
  void close() {
    paused.close();
    scope.close();
    assertThat(manager.getManagedArrays()).as("tensors left").isEmpty();
    manager.close();
  }

  private NDArray random(long... shape) {
    double[] values = random.doubles(new Shape(shape).size(), -2, 2).toArray();
    return manager.create(values, new Shape(shape));
  }

  private NDArray float32(long... shape) {
    return Operators.convert(random(shape), ElementType.FLOAT32);
  }

  private static void assertRefused(ThrowingCallable call, String... named) {
    assertThatThrownBy(call)
        .isInstanceOf(IllegalArgumentException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(named));
  }

  @Test
  void wrongShapesAreRefusedByOperatorArgumentAndShape() {
    assertRefused(() -> Operators.linear(random(2, 3), random(4, 5)), "linear", "x", "(2, 3)", "5");
    assertRefused(
        () -> Operators.linear(random(2, 5), random(4, 5), random(3)),
        "linear",
        "bias",
        "(3)",
        "(4)");
    assertRefused(() -> Operators.matmul(random(2, 3), random(2, 3)), "matmul", "b", "(2, 3)");
    assertRefused(
        () -> Operators.layerNorm(random(2, 3), random(4), random(4), 1e-5), "layerNorm", "x");
    assertRefused(
        () -> Operators.causalAttention(random(1, 2, 3, 4), random(1, 2, 5, 4), random(1, 2, 3, 4)),
        "causalAttention",
        "key",
        "(1, 2, 5, 4)");
    assertRefused(() -> Operators.narrow(random(3, 4), 1, 2, 3), "narrow", "5 entries");
    assertRefused(() -> Operators.copy(random(3), random(4)), "copy", "source", "(3)", "(4)");
    assertRefused(() -> Operators.item(random(2)), "item", "one element");
  }

  @Test
  void wrongElementTypesAreRefusedByOperatorAndArgument() {
    assertRefused(
        () -> Operators.linear(float32(2, 3), random(4, 3)),
        "linear",
        "weight",
        "float64",
        "float32");
    assertRefused(
        () -> Operators.embedding(random(4, 3), random(2)), "embedding", "ids", "float64", "int32");
    assertRefused(() -> ElementType.of(manager.create(new int[] {1})), "int32");
  }

  @Test
  void linearIsTheProductWithTheTransposedWeightPlusBias() {
    NDArray x = random(2, 3, 5);
    NDArray weight = random(4, 5);
    NDArray bias = random(4);
    double[] y = Operators.toDoubles(Operators.linear(x, weight, bias));
    double[] xs = Operators.toDoubles(x);
    double[] ws = Operators.toDoubles(weight);
    double[] bs = Operators.toDoubles(bias);
    for (int row = 0; row < 6; row++) {
      for (int out = 0; out < 4; out++) {
        double sum = bs[out];
        for (int in = 0; in < 5; in++) {
          sum += xs[row * 5 + in] * ws[out * 5 + in];
        }
        assertThat(y[row * 4 + out]).isCloseTo(sum, within(1e-12));
      }
    }
  }

  @Test
  void causalAttentionIsASoftmaxOverThePositionsSoFar() {
    int length = 5;
    int size = 3;
    NDArray q = random(1, 1, length, size);
    NDArray k = random(1, 1, length, size);
    NDArray v = random(1, 1, length, size);
    double[] y = Operators.toDoubles(Operators.causalAttention(q, k, v));
    double[][] in = {Operators.toDoubles(q), Operators.toDoubles(k), Operators.toDoubles(v)};
    for (int i = 0; i < length; i++) {
      double[] weights = new double[i + 1];
      double total = 0;
      for (int j = 0; j <= i; j++) {
        double score = 0;
        for (int n = 0; n < size; n++) {
          score += in[0][i * size + n] * in[1][j * size + n];
        }
        weights[j] = Math.exp(score / Math.sqrt(size));
        total += weights[j];
      }
      for (int n = 0; n < size; n++) {
        double sum = 0;
        for (int j = 0; j <= i; j++) {
          sum += weights[j] / total * in[2][j * size + n];
        }
        assertThat(y[i * size + n]).isCloseTo(sum, within(1e-12));
      }
    }
  }

  private void assertElementwise(UnaryOperator<NDArray> ours, DoubleUnaryOperator expected) {
    NDArray leaf = Gradients.leaf(random(64));
    NDArray y;
    try (Gradients recording = Gradients.record()) {
      y = ours.apply(leaf);
    }
    Gradients.backward(y, Operators.filledLike(y, 1));
    double[] x = Operators.toDoubles(Gradients.constant(leaf));
    double[] values = Operators.toDoubles(Gradients.constant(y));
    double[] slopes = Operators.toDoubles(Gradients.of(leaf));
    double step = 1e-5;
    for (int i = 0; i < x.length; i++) {
      assertThat(values[i]).isCloseTo(expected.applyAsDouble(x[i]), within(1e-12));
      double slope =
          (expected.applyAsDouble(x[i] + step) - expected.applyAsDouble(x[i] - step)) / (2 * step);
      assertThat(slopes[i]).isCloseTo(slope, within(1e-8));
    }
  }

  @Test
  void activationsAndTheirGradientsAreTheirFormulas() {
    assertElementwise(
        Operators::geluTanh,
        x -> x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))));
    assertElementwise(Operators::silu, x -> x / (1 + Math.exp(-x)));
    assertElementwise(Operators::softplus, x -> Math.log1p(Math.exp(x)));
    assertElementwise(Operators::exp, Math::exp);
    assertElementwise(x -> Operators.scale(x, -3.5), x -> -3.5 * x);
  }

  @ParameterizedTest
  @EnumSource(ElementType.class)
  void everyElementTypeIsComputedIn(ElementType type) {
    NDArray x = Operators.convert(random(4, 8), type);
    NDArray weight = Operators.convert(random(8, 8), type);
    NDArray y = Operators.silu(Operators.linear(x, weight));

    assertThat(ElementType.of(y)).isEqualTo(type);
    NDArray exact =
        Operators.silu(
            Operators.linear(
                Operators.convert(x, ElementType.FLOAT64),
                Operators.convert(weight, ElementType.FLOAT64)));
    double error =
        Operators.item(
            Operators.norm(
                Operators.subtract(Operators.convert(y, ElementType.FLOAT64), exact), 0, 1));
    double norm = Operators.item(Operators.norm(exact, 0, 1));
    double tolerance =
        switch (type) {
          case FLOAT64 -> 1e-14;
          case FLOAT32 -> 1e-6;
          case BFLOAT16 -> 1e-2;
        };
    assertThat(error / norm).isLessThan(tolerance);
  }

  @Test
  void interpolationMovesTheTargetByTheWeight() {
    NDArray target = float32(7);
    NDArray source = float32(7);
    double[] before = Operators.toDoubles(target);
    double[] goal = Operators.toDoubles(source);
    Operators.interpolateInPlace(target, source, 0.1);
    double[] after = Operators.toDoubles(target);
    for (int i = 0; i < after.length; i++) {
      assertThat(after[i]).isCloseTo(before[i] + 0.1 * (goal[i] - before[i]), within(1e-6));
    }
  }

  @Test
  void embeddingsGradientAddsTheRowsOfEachId() {
    NDArray ids = manager.create(new int[] {2, 0, 2}, new Shape(1, 3));
    NDArray outputGradient = random(1, 3, 2);
    double[] g = Operators.toDoubles(outputGradient);

    double[] table = Operators.toDoubles(Operators.embeddingBackward(outputGradient, ids, 4));

    assertThat(table).containsExactly(g[2], g[3], 0, 0, g[0] + g[4], g[1] + g[5], 0, 0);
  }
}
