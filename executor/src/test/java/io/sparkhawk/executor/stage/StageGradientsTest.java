package io.sparkhawk.executor.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.PhiFolder;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.tensor.Threads;
import io.sparkhawk.executor.train.FlatLayout;
import io.sparkhawk.executor.train.FlatParameters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each stage's losses and gradients, in float64, on a student with an attention block. */
class StageGradientsTest {

  private static final int BLOCKS = 3;
  private static final int VOCABULARY = 23;
  private static final int SEQUENCES = 5;
  private static final int LENGTH = 11; // no multiple of the chunk size

  /** Central differences err by about the square of it. */
  private static final double STEP = 1e-5;

  /** Relative to the norm of the gradient where the direction is not 0. */
  private static final double TOLERANCE = 1e-6;

  @TempDir private Path folder;
  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);

  @BeforeEach
  void printSeed() {
    System.out.println("seed " + seed);
  }

  @BeforeAll
  static void useOneThread() {
    Threads.limit(1);
  }

  /** A student whose weights are all random, with what trains it. */
  private final class Subject implements AutoCloseable {
    private final LanguageModel teacher;
    private final LanguageModel student;
    private final FlatParameters parameters;
    private final Objective objective;
    private final double[] values;
    private final int[] ids = random.ints(SEQUENCES * LENGTH, 0, VOCABULARY).toArray();

    Subject(StageKind stage, HiddenTarget target, MixerKind mixer, boolean recompute) {
      new PhiFolder(random, BLOCKS, 2, 4, VOCABULARY).write(folder);
      StudentSettings settings = new StudentSettings(mixer, false, 3, 4, 2, 4, List.of(1));
      teacher = Models.loadTeacher(folder, Device.cpu(), ElementType.FLOAT64);
      student =
          Models.newStudent(
              teacher, StudentConfig.of(PhiConfig.read(folder), settings), seed, false);
      parameters =
          FlatParameters.of(
              student.manager(),
              ElementType.FLOAT64,
              TrainedParameters.of(student, stage, TrainedParts.ALL, target));
      objective = Objectives.of(stage, target, teacher, student, recompute);
      values = Operators.toDoubles(parameters.values());
      for (int i = 0; i < values.length; i++) {
        values[i] += 0.2 * random.nextGaussian(); // many begin as 0, where little could be seen
      }
      set(values);
    }

    void set(double[] weights) {
      try (TensorScope scope = TensorScope.open();
          Gradients paused = Gradients.pause()) {
        Operators.copy(student.manager().create(weights), parameters.values());
      }
    }

    private NDArray sequences(int first, int count) {
      int[] some = Arrays.copyOfRange(ids, first * LENGTH, (first + count) * LENGTH);
      return student.manager().create(some, new Shape(count, LENGTH));
    }

    /** The sum of all losses at {@code values + distance * direction}, without any gradient. */
    double loss(double[] direction, double distance) {
      double[] moved = values.clone();
      for (int i = 0; i < moved.length; i++) {
        moved[i] += distance * direction[i];
      }
      set(moved);
      objective.losses().reset();
      try (TensorScope scope = TensorScope.open()) {
        objective.measure(sequences(0, SEQUENCES), 1);
      }
      return DoubleStream.of(objective.losses().read()).sum();
    }

    /** The losses and then the gradients over micro-batches of these sizes. */
    double[] lossesAndGradients(List<Integer> sizes) {
      set(values);
      objective.losses().reset();
      Operators.zero(parameters.gradients());
      int first = 0;
      for (int size : sizes) {
        try (TensorScope scope = TensorScope.open()) {
          objective.accumulate(sequences(first, size), (double) size / SEQUENCES, segment -> {});
        }
        first += size;
      }
      return DoubleStream.concat(
              DoubleStream.of(objective.losses().read()),
              DoubleStream.of(Operators.toDoubles(parameters.gradients())))
          .toArray();
    }

    double[] gradients() {
      double[] all = lossesAndGradients(List.of(SEQUENCES));
      return Arrays.copyOfRange(all, all.length - values.length, all.length);
    }

    @Override
    public void close() {
      parameters.close();
      student.close();
      teacher.close();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "MATRIX, MIXER, MAMBA2, false",
    "MATRIX, MIXER, LOW_RANK, false",
    "MATRIX, MIXER, TOEPLITZ, false",
    "HIDDEN, MIXER, MAMBA2, false",
    "HIDDEN, MIXER, LOW_RANK, false",
    "HIDDEN, MIXER, TOEPLITZ, false",
    "HIDDEN, BLOCK, MAMBA2, false",
    "DISTILL, MIXER, MAMBA2, false",
    "DISTILL, MIXER, MAMBA2, true",
    "DISTILL, MIXER, LOW_RANK, false",
    "DISTILL, MIXER, TOEPLITZ, false"
  })
  void gradientsAreTheSlopesOfTheLoss(
      StageKind stage, HiddenTarget target, MixerKind mixer, boolean recompute) {
    try (Subject subject = new Subject(stage, target, mixer, recompute)) {
      double[] gradients = subject.gradients();
      assertThat(largest(gradients)).isGreaterThan(1e-3);
      for (int i = 0; i < 2; i++) {
        assertSlope(subject, gradients, "all weights", direction(subject, 0, gradients.length));
      }
      for (String name : oneOfEachKind(subject.parameters.layout())) {
        FlatLayout.Range range = subject.parameters.layout().parameters().get(name);
        int first = (int) range.first();
        int count = (int) range.count();
        assertSlope(subject, gradients, name, direction(subject, first, count));
        int at = first + random.nextInt(count);
        double[] one = new double[gradients.length];
        one[at] = 1;
        assertSlope(subject, gradients, name + " element " + (at - first), one);
      }
    }
  }

  /** A random direction of length 1 that moves some neighbouring weights. */
  private double[] direction(Subject subject, int first, int count) {
    double[] direction = new double[subject.values.length];
    double square = 0;
    for (int i = first; i < first + count; i++) {
      direction[i] = random.nextGaussian();
      square += direction[i] * direction[i];
    }
    for (int i = first; i < first + count; i++) {
      direction[i] /= Math.sqrt(square);
    }
    return direction;
  }

  /** A parameter of each name; of those that several blocks have, one at random. */
  private Set<String> oneOfEachKind(FlatLayout layout) {
    List<String> names = new ArrayList<>(new TreeSet<>(layout.parameters().keySet()));
    Collections.shuffle(names, random);
    Set<String> kinds = new TreeSet<>();
    names.removeIf(name -> !kinds.add(name.replaceFirst("layers\\.\\d+", "layers.N")));
    return new TreeSet<>(names);
  }

  private void assertSlope(Subject subject, double[] gradients, String what, double[] direction) {
    double slope = (subject.loss(direction, STEP) - subject.loss(direction, -STEP)) / (2 * STEP);
    double product = 0;
    double norm = 0;
    for (int i = 0; i < gradients.length; i++) {
      product += gradients[i] * direction[i];
      norm += direction[i] == 0 ? 0 : gradients[i] * gradients[i];
    }
    assertThat(slope)
        .as("%s, seed %d", what, seed)
        .isCloseTo(product, within(TOLERANCE * (1 + Math.sqrt(norm))));
  }

  @ParameterizedTest
  @CsvSource({
    "MATRIX, MIXER, MAMBA2",
    "MATRIX, MIXER, TOEPLITZ",
    "HIDDEN, MIXER, MAMBA2",
    "HIDDEN, BLOCK, LOW_RANK",
    "DISTILL, MIXER, MAMBA2"
  })
  void lossesAndGradientsDoNotDependOnHowABatchIsCut(
      StageKind stage, HiddenTarget target, MixerKind mixer) {
    try (Subject subject = new Subject(stage, target, mixer, false)) {
      double[] whole = subject.lossesAndGradients(List.of(SEQUENCES));
      for (List<Integer> sizes : List.of(List.of(1, 1, 1, 1, 1), List.of(2, 3), List.of(4, 1))) {
        assertThat(subject.lossesAndGradients(sizes))
            .as("micro-batches of %s, seed %d", sizes, seed)
            .containsExactly(whole, within(1e-11 * largest(whole)));
      }
    }
  }

  private static double largest(double[] values) {
    return DoubleStream.of(values).map(Math::abs).max().orElseThrow();
  }
}
