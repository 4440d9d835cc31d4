package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.tensor.Threads;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MixersTest {

  private static final int CASES = 8;
  private static final Offset<Double> EXACT = within(1e-9);

  /** SiLU of this is 1, but for the rounding to float. */
  private static final float OPEN_GATE = 1.2784646f;

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);

  @BeforeEach
  void printSeed() {
    System.out.println("seed " + seed);
  }

  private final NDManager manager = NDManager.newBaseManager();
  private TensorScope scope;

  @BeforeAll
  static void useOneThread() {
    Threads.limit(1);
  }

  @BeforeEach
  void openScope() {
    scope = TensorScope.open();
  }

  @AfterEach
  void free() {
    scope.close();
    manager.close();
  }

  private MixerShape anyShape(MixerKind kind) {
    int heads = 1 + random.nextInt(3);
    return new MixerShape(
        kind,
        2 + random.nextInt(6),
        heads * (1 + random.nextInt(4)),
        heads,
        1 + random.nextInt(4),
        1 + random.nextInt(4),
        1 + random.nextInt(9));
  }

  private Mixer mixer(MixerShape shape, ParameterSource weights, int maxPositions) {
    CausalMask mask = new CausalMask(manager);
    return shape.kind() == MixerKind.TOEPLITZ
        ? new ToeplitzMixer(weights, "mixer", shape, maxPositions, mask)
        : new DiscreteMamba2(weights, "mixer", shape, mask);
  }

  @ParameterizedTest
  @EnumSource
  void matrixAndOutputAreThoseOfTheDefinition(MixerKind kind) {
    for (int i = 0; i < CASES; i++) {
      MixerShape shape = anyShape(kind);
      int length = 1 + random.nextInt(20);
      RandomWeights weights = new RandomWeights(manager, random);
      Mixer mixer = mixer(shape, weights, length + random.nextInt(3));
      float[][][] u = new float[2][length][shape.width()];
      for (float[][] sequence : u) {
        for (float[] position : sequence) {
          weights.fill(position);
        }
      }
      NDArray input = weights.tensor(flat(u), 2, length, shape.width());

      double[] matrices = Operators.toDoubles(Operators.contiguous(mixer.matrix(input)));
      double[] outputs = Operators.toDoubles(Operators.contiguous(mixer.forward(input)));

      for (int sequence = 0; sequence < 2; sequence++) {
        MixerDefinition definition = new MixerDefinition(shape, weights.values(), u[sequence]);
        String what = "seed " + seed + ", " + shape + ", length " + length;
        double[] matrix = definition.matrices();
        double[] output = definition.outputs();
        for (int at = 0; at < matrix.length; at++) {
          assertThat(matrices[sequence * matrix.length + at])
              .as("matrix, %s", what)
              .isCloseTo(matrix[at], EXACT);
        }
        for (int at = 0; at < output.length; at++) {
          assertThat(outputs[sequence * output.length + at])
              .as("output, %s", what)
              .isCloseTo(output[at], EXACT);
        }
      }
    }
  }

  /**
   * With x = u, an open gate and no output projection the mixer's output is its matrix times its
   * input. The same comes out of the scan at every chunk size, and of the sequence given in pieces
   * of any length, those of one position among them.
   */
  @ParameterizedTest
  @EnumSource
  void matrixTimesInputsIsTheScanAndTheRecurrenceStepByStep(MixerKind kind) {
    for (int i = 0; i < CASES; i++) {
      int length = 1 + random.nextInt(30);
      MixerShape any = anyShape(kind);
      RandomWeights weights = new RandomWeights(manager, random);
      float[] u = new float[2 * length * any.innerWidth()];
      weights.fill(u);
      NDArray input = weights.tensor(u, 2, length, any.innerWidth());
      PlainWeights plain = new PlainWeights(weights, square(any, 1));
      for (int chunkSize : new int[] {1 + random.nextInt(length), 1, length, length + 5}) {
        MixerShape shape = square(any, chunkSize);
        Mixer mixer = mixer(shape, plain, length);
        double[] expected = product(mixer.matrix(input), u, shape, length);
        String what = "seed " + seed + ", " + shape + ", length " + length;

        assertThat(Operators.toDoubles(mixer.forward(input)))
            .as("scan, %s", what)
            .containsExactly(expected, EXACT);
        assertThat(inPieces(mixer, input, length, 1))
            .as("step by step, %s", what)
            .containsExactly(expected, EXACT);
        assertThat(inPieces(mixer, input, length, 1 + random.nextInt(length)))
            .as("in pieces, %s", what)
            .containsExactly(expected, EXACT);
      }
    }
  }

  /** As {@code shape}, but as wide outside as inside. */
  private static MixerShape square(MixerShape shape, int chunkSize) {
    return new MixerShape(
        shape.kind(),
        shape.innerWidth(),
        shape.innerWidth(),
        shape.heads(),
        shape.stateSize(),
        shape.convWidth(),
        chunkSize);
  }

  /** Matrix of each head times the head's part of u, and the open gate, by plain loops. */
  private static double[] product(NDArray matrix, float[] u, MixerShape shape, int length) {
    double[] matrices = Operators.toDoubles(Operators.contiguous(matrix));
    int width = shape.width();
    double[] y = new double[u.length];
    for (int at = 0; at < y.length; at++) {
      int channel = at % width;
      int row = at / width % length;
      int sequence = at / width / length;
      int head = sequence * shape.heads() + channel / shape.headSize();
      for (int j = 0; j < length; j++) {
        y[at] +=
            matrices[(head * length + row) * length + j]
                * u[(sequence * length + j) * width + channel];
      }
      y[at] *= OPEN_GATE / (1 + Math.exp(-OPEN_GATE));
    }
    return y;
  }

  private static double[] inPieces(Mixer mixer, NDArray input, int length, int piece) {
    List<NDArray> rows = new ArrayList<>();
    try (MixerState state = mixer.start(2)) {
      for (int first = 0; first < length; first += piece) {
        int count = Math.min(piece, length - first);
        rows.add(state.advance(Operators.narrow(input, 1, first, count)));
      }
      return Operators.toDoubles(Operators.concatenate(rows, 1));
    }
  }

  /**
   * Random weights, the same at every chunk size, but such that the mixer's x is its input and its
   * output is y.
   */
  private static final class PlainWeights implements ParameterSource {

    private final RandomWeights source;
    private final MixerShape shape;

    PlainWeights(RandomWeights source, MixerShape shape) {
      this.source = source;
      this.shape = shape;
    }

    @Override
    public Parameter parameter(String name, long... dimensions) {
      String kind = name.substring("mixer.".length());
      if (!source.values().containsKey(kind)) {
        source.parameter(name, dimensions);
        makePlain(kind, source.values().get(kind));
      }
      return new Parameter(name, source.tensor(source.values().get(kind), dimensions));
    }

    private void makePlain(String kind, float[] values) {
      int width = shape.width();
      switch (kind) {
        case "in_proj.weight" -> {
          putIdentity(values);
          int gate = shape.convChannels() * width;
          Arrays.fill(values, gate, gate + width * width, 0);
        }
        case "out_proj.weight" -> putIdentity(values);
        case "conv1d.weight" -> {
          for (int i = 0; i < width * shape.convWidth(); i++) {
            values[i] = i % shape.convWidth() == shape.convWidth() - 1 ? 1 : 0;
          }
        }
        case "conv1d.bias" -> Arrays.fill(values, 0, width, 0);
        case "z_bias" -> Arrays.fill(values, OPEN_GATE);
        default -> {}
      }
    }

    private void putIdentity(float[] values) {
      for (int i = 0; i < shape.width() * shape.width(); i++) {
        values[i] = i % (shape.width() + 1) == 0 ? 1 : 0;
      }
    }
  }

  private static float[] flat(float[][][] u) {
    float[] flat = new float[u.length * u[0].length * u[0][0].length];
    int at = 0;
    for (float[][] sequence : u) {
      for (float[] position : sequence) {
        System.arraycopy(position, 0, flat, at, position.length);
        at += position.length;
      }
    }
    return flat;
  }

  @ParameterizedTest
  @EnumSource
  void theMatrixReachesItsOwnParametersAndTheOutputAll(MixerKind kind) {
    MixerShape shape = new MixerShape(kind, 6, 8, 2, 3, 4, 4);

    assertThat(reached(shape, true)).containsExactlyElementsOf(names(shape, true));
    assertThat(reached(shape, false)).containsExactlyElementsOf(names(shape, false));
  }

  private List<String> names(MixerShape shape, boolean ofMatrix) {
    Mixer mixer = mixer(shape, new RandomWeights(manager, random), 9);
    return (ofMatrix ? mixer.matrixParameters() : mixer.parameters())
        .stream().map(Parameter::name).toList();
  }

  /** The parameters that have a gradient after a backward pass from the matrix or the output. */
  private List<String> reached(MixerShape shape, boolean fromMatrix) {
    RandomWeights weights = new RandomWeights(manager, random);
    Mixer mixer = mixer(shape, weights, 9);
    float[] u = new float[2 * 9 * shape.width()];
    weights.fill(u);
    NDArray input = weights.tensor(u, 2, 9, shape.width());
    mixer.parameters().forEach(parameter -> parameter.value().setRequiresGradient(true));
    Function<NDArray, NDArray> function = fromMatrix ? mixer::matrix : mixer::forward;
    try (Gradients recording = Gradients.record()) {
      NDArray loss = Operators.norm(function.apply(input), 0, 1, 2);
      NDArray sum = Operators.mean(loss);
      Gradients.backward(sum, Operators.filledLike(sum, 1));
    }
    List<String> reached = new ArrayList<>();
    for (Parameter parameter : mixer.parameters()) {
      if (parameter.value().hasGradient() && isNotZero(parameter.value())) {
        reached.add(parameter.name());
      }
    }
    return reached;
  }

  private static boolean isNotZero(NDArray leaf) {
    try {
      return Operators.item(Operators.norm(Operators.reshape(Gradients.of(leaf), -1), 0)) > 0;
    } catch (IllegalStateException noBackwardPassHasReachedIt) {
      return false;
    }
  }

  /** Weights of any shape, remembered by their name without the mixer's. */
  record RandomWeights(NDManager manager, Random random, Map<String, float[]> values)
      implements ParameterSource {

    RandomWeights(NDManager manager, Random random) {
      this(manager, random, new HashMap<>());
    }

    @Override
    public Parameter parameter(String name, long... shape) {
      int size = 1;
      for (long n : shape) {
        size *= (int) n;
      }
      float[] weight = new float[size];
      fill(weight);
      values.put(name.substring("mixer.".length()), weight);
      return new Parameter(name, tensor(weight, shape));
    }

    void fill(float[] target) {
      for (int i = 0; i < target.length; i++) {
        target[i] = (float) (0.7 * random.nextGaussian());
      }
    }

    NDArray tensor(float[] elements, long... shape) {
      return HostMemory.tensor(manager, elements, ElementType.FLOAT64, shape);
    }
  }
}
