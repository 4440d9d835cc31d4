package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.Parallelism.Transport;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Updates whose optimizer state is shared out among the ranks of a real ring. */
class ShardedStepTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/hybrid");
  private static final int STEPS = 5;
  private static final int SEQUENCES = 12;
  private static final int LENGTH = 12;

  /** What a rank ends with. */
  private record Result(
      List<Double> losses, List<Double> norms, Map<String, float[]> weights, long state) {}

  /** Some steps on every rank, from the same weights and with the same global batches. */
  private static List<Result> train(
      StageKind stage, ElementType type, Transport transport, int world, boolean sharded)
      throws Exception {
    return Ranks.onEach(
        world,
        collective -> {
          Parallelism parallelism =
              new Parallelism(transport, sharded ? world : 1, GradientType.FLOAT32);
          try (Gradients paused = Gradients.pause();
              LanguageModel teacher = teacher(type);
              LanguageModel student = student(type);
              Trajectory trajectory =
                  Trajectory.start(teacher, student, settings(stage), collective, parallelism)) {
            return steps(student, trajectory, collective);
          }
        });
  }

  private static LanguageModel teacher(ElementType type) {
    return Models.loadTeacher(GOLDEN.resolve("teacher"), Device.cpu(), type);
  }

  private static LanguageModel student(ElementType type) {
    return Models.loadStudent(GOLDEN.resolve("student"), Device.cpu(), type);
  }

  private static Trajectory.Settings settings(StageKind stage) {
    return new Trajectory.Settings(
        stage,
        HiddenTarget.MIXER,
        TrainedParts.ALL,
        false,
        new AdamW.Hyperparameters(0.9, 0.95, 1e-6, 0.1),
        1);
  }

  private static Result steps(LanguageModel student, Trajectory trajectory, Collective collective) {
    List<Double> losses = new ArrayList<>();
    List<Double> norms = new ArrayList<>();
    int tensors = 0;
    for (int i = 0; i < STEPS; i++) {
      try (TensorScope scope = TensorScope.open()) {
        Trajectory.Step step = trajectory.step(tokens(student, collective, i), 1e-3);
        losses.addAll(step.losses());
        norms.add(step.gradientNorm());
      }
      int now = ((BaseNDManager) student.manager()).getManagedArrays().size();
      assertThat(i < 2 ? now : tensors).as("tensors after step %d", i).isEqualTo(now);
      tensors = now;
    }
    trajectory.awaitWeights();
    Map<String, float[]> weights = new TreeMap<>();
    student.parameters().forEach(p -> weights.put(p.name(), HostMemory.floats(p.value())));
    return new Result(losses, norms, weights, trajectory.parameters().shard().size());
  }

  /** This rank's sequences of a global batch that is the same at any world size. */
  private static NDArray tokens(LanguageModel student, Collective collective, int step) {
    int[] all = new Random(step).ints(SEQUENCES * LENGTH, 0, 96).toArray();
    int own = SEQUENCES / collective.worldSize();
    int[] ids = new int[own * LENGTH];
    System.arraycopy(all, collective.rank() * ids.length, ids, 0, ids.length);
    return student.manager().create(ids, new Shape(own, LENGTH));
  }

  @ParameterizedTest
  @CsvSource({
    "MATRIX, 2",
    "MATRIX, 3",
    "HIDDEN, 2",
    "HIDDEN, 3",
    "DISTILL, 2",
    "DISTILL, 3",
    "DISTILL, 4"
  })
  void shardedStateTrainsAsWholeStateDoes(StageKind stage, int world) throws Exception {
    List<Result> whole = train(stage, ElementType.FLOAT32, Transport.HOST, world, false);
    List<Result> sharded = train(stage, ElementType.FLOAT32, Transport.HOST, world, true);

    assertSameOnAllRanks(sharded);
    assertClose(sharded.get(0).losses, whole.get(0).losses, 1e-6);
    assertClose(sharded.get(0).norms, whole.get(0).norms, 1e-5);
    assertClose(sharded.get(0).weights, whole.get(0).weights);
    assertThat(sharded.get(0).state)
        .as("elements of each moment")
        .isLessThan(whole.get(0).state / world + 16L * 4);
  }

  /** What the exchange says that it sends is what the ranks' connections count. */
  @ParameterizedTest
  @CsvSource({"2, false", "3, false", "2, true", "3, true"})
  void exchangeAloneSendsWhatARingSends(int world, boolean sharded) throws Exception {
    List<double[]> saidAndCounted =
        Ranks.onEach(
            world,
            collective -> {
              Parallelism parallelism =
                  new Parallelism(Transport.HOST, sharded ? world : 1, GradientType.FLOAT32);
              try (Gradients paused = Gradients.pause();
                  LanguageModel teacher = teacher(ElementType.FLOAT32);
                  LanguageModel student = student(ElementType.FLOAT32);
                  Trajectory trajectory =
                      Trajectory.start(
                          teacher, student, settings(StageKind.DISTILL), collective, parallelism)) {
                long before = collective.sentBytes();
                double said = trajectory.exchangeAlone();
                return new double[] {said, collective.sentBytes() - before};
              }
            });
    double said = saidAndCounted.get(0)[0];
    double counted = saidAndCounted.stream().mapToDouble(pair -> pair[1]).average().orElseThrow();
    assertThat(counted).isBetween(said, 1.02 * said); // heads of frames
  }

  private static void assertSameOnAllRanks(List<Result> results) {
    for (Result ofRank : results) {
      assertThat(ofRank.losses).isEqualTo(results.get(0).losses);
      assertThat(ofRank.norms).isEqualTo(results.get(0).norms);
      ofRank.weights.forEach(
          (name, bits) ->
              assertThat(Arrays.equals(bits, results.get(0).weights.get(name))).as(name).isTrue());
    }
  }

  private static void assertClose(List<Double> actual, List<Double> expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.size(); i++) {
      assertThat(actual.get(i)).isCloseTo(expected.get(i), within(tolerance * expected.get(i)));
    }
  }

  /**
   * All weights as one vector: where a gradient is nearly 0, AdamW makes a step of its rounding, so
   * single elements may differ by more.
   */
  private static void assertClose(Map<String, float[]> actual, Map<String, float[]> expected) {
    double difference = 0;
    double size = 0;
    for (String name : expected.keySet()) {
      for (int i = 0; i < expected.get(name).length; i++) {
        difference += Math.pow((double) actual.get(name)[i] - expected.get(name)[i], 2);
        size += Math.pow(expected.get(name)[i], 2);
      }
    }
    assertThat(Math.sqrt(difference)).isLessThanOrEqualTo(1e-6 * Math.sqrt(size));
  }

  @ParameterizedTest
  @EnumSource
  void masterWeightsInSharesTrainAsWholeOnesDo(StageKind stage) throws Exception {
    List<Result> whole = train(stage, ElementType.BFLOAT16, Transport.STAGED, 2, false);
    List<Result> sharded = train(stage, ElementType.BFLOAT16, Transport.STAGED, 2, true);

    assertSameOnAllRanks(sharded);
    assertClose(sharded.get(0).losses, whole.get(0).losses, 1e-3);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 7})
  void sharesOfAllRanksCoverEachStoredElementOnce(int shares) {
    try (Gradients paused = Gradients.pause();
        LanguageModel student = student(ElementType.FLOAT32)) {
      var segments =
          TrainedParameters.of(student, StageKind.DISTILL, TrainedParts.ALL, HiddenTarget.MIXER);
      FlatLayout unpadded = FlatLayout.of(segments);
      FlatLayout layout = FlatLayout.of(segments, shares);
      BitSet covered = new BitSet();
      for (int rank = 0; rank < shares; rank++) {
        long local = 0;
        for (Shard.Share share : Shard.of(layout, rank).shares()) {
          assertThat(share.local().first()).isEqualTo(local);
          assertThat(share.range().first() % 16).isZero();
          assertThat(share.range().count() % 16).isZero();
          local += share.range().count();
          for (FlatLayout.Stored stored : layout.stored(share.range())) {
            int first = (int) stored.first();
            int end = first + (int) stored.range().count();
            assertThat(covered.get(first, end).isEmpty()).isTrue();
            covered.set(first, end);
          }
        }
      }
      assertThat(layout.storedSize()).isEqualTo(unpadded.size());
      assertThat(covered.cardinality()).isEqualTo((int) unpadded.size());
      assertThat(covered.length()).isEqualTo((int) unpadded.size());
      unpadded
          .parameters()
          .forEach(
              (name, range) ->
                  assertThat(layout.stored(layout.parameters().get(name)).get(0).first())
                      .as(name)
                      .isEqualTo(range.first()));
    }
  }

  @Test
  void rankThatLeavesIsNamedWithTheStepByWhoNeedsItsWeights() throws Exception {
    Ranks.onEach(
        2,
        collective -> {
          Parallelism parallelism = new Parallelism(Transport.HOST, 2, GradientType.FLOAT32);
          try (Gradients paused = Gradients.pause();
              LanguageModel teacher = teacher(ElementType.FLOAT32);
              LanguageModel student = student(ElementType.FLOAT32);
              Trajectory trajectory =
                  Trajectory.start(
                      teacher, student, settings(StageKind.DISTILL), collective, parallelism);
              TensorScope scope = TensorScope.open()) {
            trajectory.step(tokens(student, collective, 0), 1e-3);
            trajectory.awaitWeights();
            if (collective.rank() == 1) {
              collective.close();
              return null;
            }
            assertThatThrownBy(() -> trajectory.step(tokens(student, collective, 1), 1e-3))
                .isInstanceOf(InfrastructureException.class)
                .hasMessageContaining("reduce-scatter")
                .hasMessageContaining("rank 0 of 2 at step 2")
                .hasMessageContaining("rank 1 (127.0.0.1:");
            return null;
          }
        });
  }
}
