package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.Parallelism.Transport;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Two ranks, as threads of this process, each with a GPU. */
@Tag("gpu")
class NcclExchangeTest {

  private static final int STEPS = 5;

  @BeforeEach
  void needsTwoGpus() {
    assumeTrue(Engine.getEngine("PyTorch").getGpuCount() >= 2, "two GPUs are needed");
  }

  private static TestParameters parameters(Collective collective, Parallelism parallelism) {
    return TestParameters.on(
        Device.gpu(collective.rank()),
        ElementType.BFLOAT16,
        parallelism.gradientType().of(ElementType.BFLOAT16),
        parallelism.shardOf(collective),
        parallelism.shards());
  }

  private static Parallelism nccl(int shards, GradientType type) {
    return new Parallelism(Transport.NCCL, shards, type);
  }

  @Test
  void ncclIsChosenAndTheStateShardedWhereEachRankHasAGpu() throws Exception {
    Ranks.onEach(
        2,
        collective -> {
          assertThat(
                  Parallelism.choose(
                      ParallelSettings.DEFAULT,
                      Device.gpu(collective.rank()),
                      ElementType.BFLOAT16,
                      true,
                      collective))
              .isEqualTo(nccl(2, GradientType.FLOAT32));
          return null;
        });
  }

  @ParameterizedTest
  @EnumSource
  void sumFollowsWhatWasComputedAndPrecedesWhatComesAfter(GradientType type) throws Exception {
    List<float[]> sums =
        Ranks.onEach(
            2,
            collective -> {
              Parallelism parallelism = nccl(1, type);
              try (Gradients paused = Gradients.pause();
                  TestParameters test = parameters(collective, parallelism);
                  Exchange exchange = Exchanges.of(parallelism, test.flat(), collective)) {
                NDArray gradients = test.flat().gradients();
                List<FlatLayout.Range> segments = test.flat().layout().segments();
                for (int step = 1; step <= STEPS; step++) {
                  collective.atStep(step);
                  Operators.zero(gradients);
                  Operators.addInPlace(gradients, step * (collective.rank() + 1));
                  exchange.startSum(segments.get(3));
                  exchange.startSum(segments.get(1));
                  assertThat(exchange.awaitSums()).isNotNegative();
                  Operators.scaleInPlace(gradients, 2);
                }
                return HostMemory.floats(gradients);
              }
            });
    try (TestParameters test = TestParameters.on(Device.cpu(), ElementType.BFLOAT16, 0, 1)) {
      List<FlatLayout.Range> segments = test.flat().layout().segments();
      for (int rank = 0; rank < 2; rank++) {
        float own = 2f * STEPS * (rank + 1);
        for (int i = 0; i < sums.get(rank).length; i++) {
          boolean summed = contains(segments.get(1), i) || contains(segments.get(3), i);
          assertThat(sums.get(rank)[i]).isEqualTo(summed ? 2f * STEPS * 3 : own);
        }
      }
    }
  }

  private static boolean contains(FlatLayout.Range range, long element) {
    return element >= range.first() && element < range.end();
  }

  @ParameterizedTest
  @EnumSource
  void eachRankGetsTheSumOfItsSharesAndThenTheWeightsOfAll(GradientType type) throws Exception {
    record Result(List<float[]> sums, FloatBuffer gathered) {}

    List<Result> results =
        Ranks.onEach(
            2,
            collective -> {
              Parallelism parallelism = nccl(2, type);
              try (Gradients paused = Gradients.pause();
                  TestParameters test = parameters(collective, parallelism);
                  Exchange exchange = Exchanges.of(parallelism, test.flat(), collective);
                  TensorScope scope = TensorScope.open()) {
                FlatParameters flat = test.flat();
                Operators.copy(
                    HostMemory.tensor(
                        test.student().manager(),
                        values(collective.rank(), flat.layout().size()),
                        ElementType.FLOAT32,
                        flat.layout().size()),
                    flat.gradients());
                flat.layout().segments().forEach(exchange::startSum);
                exchange.awaitSums();
                List<float[]> sums = new ArrayList<>();
                for (Shard.Share share : flat.shard().shares()) {
                  NDArray sum = FlatParameters.narrow(flat.gradients(), share.range());
                  sums.add(HostMemory.floats(sum));
                  Operators.copy(sum, FlatParameters.narrow(flat.computed(), share.range()));
                  exchange.startGather(share.segment());
                }
                exchange.useGathered();
                NDArray doubled = Operators.scale(flat.computed(), 2); // exact in bfloat16
                exchange.awaitGathered();
                return new Result(sums, FloatBuffer.wrap(HostMemory.floats(doubled)));
              }
            });
    assertThat(results.get(1).gathered.equals(results.get(0).gathered)).isTrue();
    try (TestParameters test = TestParameters.on(Device.cpu(), ElementType.BFLOAT16, 0, 2)) {
      FlatLayout layout = test.flat().layout();
      float[] first = values(0, layout.size());
      float[] second = values(1, layout.size());
      for (int rank = 0; rank < 2; rank++) {
        List<Shard.Share> shares = Shard.of(layout, rank).shares();
        for (int i = 0; i < shares.size(); i++) {
          float[] sums = results.get(rank).sums.get(i);
          for (int k = 0; k < sums.length; k++) {
            int at = (int) shares.get(i).range().first() + k;
            double expected = (double) first[at] + second[at];
            double size = Math.abs(first[at]) + Math.abs(second[at]);
            double rounding = size / (type == GradientType.FLOAT32 ? 1 << 22 : 1 << 7);
            assertThat((double) sums[k]).isCloseTo(expected, within(rounding));
            assertThat((double) results.get(0).gathered.get(at))
                .isCloseTo(2.0 * sums[k], within(Math.abs(2.0 * sums[k]) / (1 << 8)));
          }
        }
      }
    }
  }

  private static float[] values(int rank, long size) {
    Random random = new Random(rank);
    float[] values = new float[(int) size];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  @Test
  void rankThatNeverComesEndsTheOtherWithItsName() throws Exception {
    Parallelism parallelism = nccl(2, GradientType.FLOAT32);
    Ranks.onEach(
        2,
        collective -> {
          try (Gradients paused = Gradients.pause();
              TestParameters test = parameters(collective, parallelism);
              Exchange exchange = Exchanges.of(parallelism, test.flat(), collective)) {
            FlatLayout.Range segment = test.flat().layout().segments().get(0);
            collective.atStep(1);
            exchange.startSum(segment); // the GPUs connect in the first operation
            exchange.startGather(segment);
            exchange.awaitGathered();
            collective.atStep(2);
            if (collective.rank() == 0) {
              exchange.startSum(segment);
              exchange.startGather(segment);
              exchange.useGathered();
              assertThatThrownBy(exchange::awaitSums)
                  .isInstanceOf(InfrastructureException.class)
                  .hasMessageContaining("step 2");
            } else {
              collective.abort("it left");
            }
            return null;
          }
        });
  }

  private static final PhiConfig FUSED =
      new PhiConfig(256, 3, 8, 1024, 512, 16, 10000, 1e-5, 512, false);

  @ParameterizedTest
  @CsvSource({
    "MATRIX, FLOAT32, 1e-3",
    "HIDDEN, FLOAT32, 1e-3",
    "DISTILL, FLOAT32, 1e-3",
    "DISTILL, BFLOAT16, 2e-2"
  })
  void shardedStateTrainsAsWholeStateDoes(StageKind stage, GradientType type, double tolerance)
      throws Exception {
    List<Double> whole;
    List<Double> sharded;
    try (LanguageModel teacher = Models.randomTeacher(FUSED, Device.cpu(), ElementType.BFLOAT16)) {
      whole = losses(teacher, stage, nccl(1, GradientType.FLOAT32));
      sharded = losses(teacher, stage, nccl(2, type));
    }

    for (int i = 0; i < whole.size(); i++) {
      assertThat(sharded.get(i)).isCloseTo(whole.get(i), within(tolerance * whole.get(i)));
    }
    assertThat(whole.get(whole.size() - 1)).isLessThan(whole.get(0));
  }

  /** A copy of a model of the host on a rank's GPU. */
  private static LanguageModel copyOf(LanguageModel host, Collective collective) {
    LanguageModel copy =
        Models.randomTeacher(FUSED, Device.gpu(collective.rank()), ElementType.BFLOAT16);
    for (int i = 0; i < host.parameters().size(); i++) {
      NDArray target = copy.parameters().get(i).value();
      try (TensorScope scope = TensorScope.open()) {
        Operators.copy(
            HostMemory.read(
                copy.manager(),
                HostMemory.copyFloat32(host.parameters().get(i).value()),
                HostMemory.Format.FLOAT32,
                ElementType.BFLOAT16,
                target.getShape().getShape()),
            target);
      }
    }
    return copy;
  }

  private static List<Double> losses(LanguageModel onHost, StageKind stage, Parallelism parallelism)
      throws Exception {
    record Result(List<Double> losses, FloatBuffer weights) {}

    Trajectory.Settings settings =
        new Trajectory.Settings(
            stage,
            HiddenTarget.MIXER,
            stage == StageKind.DISTILL ? TrainedParts.ALL : TrainedParts.MIXERS,
            false,
            new AdamW.Hyperparameters(0.9, 0.95, 1e-8, 0.1),
            1);
    StudentConfig config =
        StudentConfig.of(
            FUSED, new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 128, List.of(1)));
    List<Result> results =
        Ranks.onEach(
            2,
            collective -> {
              try (Gradients paused = Gradients.pause();
                  LanguageModel teacher = copyOf(onHost, collective);
                  LanguageModel student = Models.newStudent(teacher, config, 3, false);
                  Trajectory trajectory =
                      Trajectory.start(teacher, student, settings, collective, parallelism);
                  TensorScope scope = TensorScope.open()) {
                int[] ids = new Random(collective.rank()).ints(2 * 150, 0, 512).toArray();
                NDArray tokens = student.manager().create(ids, new Shape(2, 150));
                List<Double> losses = new ArrayList<>();
                for (int i = 0; i < 6; i++) {
                  losses.add(
                      trajectory.step(tokens, 1e-3).losses().stream()
                          .filter(Double::isFinite)
                          .mapToDouble(Double::doubleValue)
                          .sum());
                }
                trajectory.awaitWeights();
                float[] weights = HostMemory.floats(trajectory.parameters().computed());
                return new Result(losses, FloatBuffer.wrap(weights));
              }
            });
    assertThat(results.get(1).losses).isEqualTo(results.get(0).losses);
    assertThat(results.get(1).weights.equals(results.get(0).weights)).isTrue();
    return results.get(0).losses;
  }
}
