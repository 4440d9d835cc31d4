package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.kernel.NcclCommunicator.Member;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.Parallelism.Transport;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ExchangesTest {

  private static TestParameters parameters(int rank, int shares) {
    return TestParameters.on(Device.cpu(), ElementType.FLOAT32, rank, shares);
  }

  private static Exchange exchange(
      Transport transport, int shares, FlatParameters parameters, Collective collective) {
    return Exchanges.of(
        new Parallelism(transport, shares, GradientType.FLOAT32), parameters, collective);
  }

  /** Values of a rank's buffer that nobody could guess. */
  private static float[] values(int rank, long size) {
    Random random = new Random(rank);
    float[] values = new float[(int) size];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static void fill(NDArray buffer, float[] values) {
    try (TensorScope scope = TensorScope.open();
        NDManager manager = NDManager.newBaseManager()) {
      Operators.copy(
          HostMemory.tensor(manager, values, ElementType.FLOAT32, values.length), buffer);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"HOST", "STAGED"})
  void segmentsThatWereStartedAreSummedInPlaceAndOthersStay(Transport transport) throws Exception {
    int world = 3;
    List<float[]> results =
        Ranks.onEach(
            world,
            collective -> {
              try (TestParameters test = parameters(0, 1);
                  Exchange exchange = exchange(transport, 1, test.flat(), collective)) {
                NDArray gradients = test.flat().gradients();
                fill(gradients, values(collective.rank(), gradients.size()));
                List<FlatLayout.Range> segments = test.flat().layout().segments();
                exchange.startSum(segments.get(3));
                exchange.startSum(new FlatLayout.Range(segments.get(3).first(), 0));
                exchange.startSum(segments.get(1));
                assertThat(exchange.awaitSums()).isNotNegative();
                assertThat(exchange.awaitSums()).as("nothing is left").isNotNegative();
                return HostMemory.floats(gradients);
              }
            });
    try (TestParameters test = parameters(0, 1)) {
      FlatLayout layout = test.flat().layout();
      double[] sum = sum(world, layout.size());
      for (int rank = 0; rank < world; rank++) {
        float[] own = values(rank, layout.size());
        double[] expected = new double[own.length];
        for (int i = 0; i < own.length; i++) {
          boolean summed =
              contains(layout.segments().get(1), i) || contains(layout.segments().get(3), i);
          expected[i] = summed ? sum[i] : own[i];
        }
        assertClose(results.get(rank), expected);
      }
    }
  }

  private static boolean contains(FlatLayout.Range range, long element) {
    return element >= range.first() && element < range.end();
  }

  private static double[] sum(int world, long size) {
    double[] sum = new double[(int) size];
    for (int rank = 0; rank < world; rank++) {
      float[] values = values(rank, size);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += values[i];
      }
    }
    return sum;
  }

  @ParameterizedTest
  @CsvSource({"HOST, 1", "HOST, 2", "HOST, 3", "HOST, 4", "STAGED, 2", "STAGED, 3"})
  void eachRankGetsTheSumOfItsSharesAndThenTheWeightsOfAll(Transport transport, int world)
      throws Exception {
    List<float[]> gathered =
        Ranks.onEach(
            world,
            collective -> {
              try (TestParameters test = parameters(collective.rank(), world);
                  Exchange exchange = exchange(transport, world, test.flat(), collective)) {
                FlatParameters flat = test.flat();
                fill(flat.gradients(), values(collective.rank(), flat.layout().size()));
                List<FlatLayout.Range> segments = flat.layout().segments();
                for (int i = segments.size() - 1; i >= 0; i--) {
                  exchange.startSum(segments.get(i));
                }
                exchange.awaitSums();
                try (TensorScope scope = TensorScope.open()) {
                  for (Shard.Share share : flat.shard().shares()) {
                    Operators.copy(
                        FlatParameters.narrow(flat.gradients(), share.range()),
                        FlatParameters.narrow(flat.computed(), share.range()));
                    exchange.startGather(share.segment());
                  }
                }
                exchange.useGathered();
                return HostMemory.floats(flat.computed());
              }
            });
    double[] expected = sum(world, gathered.get(0).length);
    for (float[] ofRank : gathered) {
      assertThat(Arrays.equals(ofRank, gathered.get(0))).as("the same bits").isTrue();
      assertClose(ofRank, expected);
    }
  }

  private static void assertClose(float[] actual, double[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(actual[i] - expected[i]) <= 1e-5)) {
        assertThat((double) actual[i]).as("element %d", i).isEqualTo(expected[i]);
      }
    }
  }

  @Test
  void roundedWeightsTravelThroughHostMemoryBitForBit() throws Exception {
    List<float[]> gathered =
        Ranks.onEach(
            2,
            collective -> {
              try (TestParameters test =
                      TestParameters.on(Device.cpu(), ElementType.BFLOAT16, collective.rank(), 2);
                  Exchange exchange = exchange(Transport.STAGED, 2, test.flat(), collective)) {
                FlatParameters flat = test.flat();
                fill(flat.computed(), values(collective.rank(), flat.layout().size()));
                flat.layout().segments().forEach(exchange::startGather);
                exchange.awaitGathered();
                return HostMemory.floats(flat.computed());
              }
            });
    assertThat(Arrays.equals(gathered.get(1), gathered.get(0))).isTrue();
    try (TestParameters test = parameters(0, 2)) {
      for (FlatLayout.Range segment : test.flat().layout().segments()) {
        for (int rank = 0; rank < 2; rank++) {
          int i = (int) segment.share(rank, 2).first();
          float exact = values(rank, gathered.get(0).length)[i];
          assertThat(gathered.get(0)[i]).isCloseTo(exact, within(Math.abs(exact) / 256));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"HOST, 1", "HOST, 2", "STAGED, 2"})
  void failureOfTheCollectiveReachesWhoWaitsForSumsOrWeights(Transport transport, int shares)
      throws Exception {
    CyclicBarrier bothAreHere = new CyclicBarrier(2);
    Ranks.onEach(
        2,
        collective -> {
          int rank = collective.rank();
          try (TestParameters test = parameters(shares == 1 ? 0 : rank, shares);
              Exchange exchange = exchange(transport, shares, test.flat(), collective)) {
            FlatLayout.Range segment = test.flat().layout().segments().get(0);
            collective.atStep(7);
            bothAreHere.await(30, TimeUnit.SECONDS);
            collective.abort("a rank gave up");
            assertThatThrownBy(
                    () -> {
                      exchange.startSum(segment);
                      exchange.awaitSums();
                    })
                .isInstanceOf(InfrastructureException.class)
                .hasMessageContaining("rank " + rank)
                .hasMessageContaining("step 7");
            assertThatThrownBy(
                    () -> {
                      exchange.startGather(segment);
                      exchange.useGathered();
                    })
                .isInstanceOf(InfrastructureException.class)
                .hasMessageContaining("all-gather")
                .hasMessageContaining("rank " + rank);
            return null;
          }
        });
  }

  @Test
  void onlyRankKeepsItsGradients() {
    try (TestParameters test = parameters(0, 1);
        Exchange exchange = Exchanges.of(Parallelism.NONE, test.flat(), SingleProcess.create())) {
      NDArray gradients = test.flat().gradients();
      fill(gradients, values(0, gradients.size()));
      exchange.startSum(new FlatLayout.Range(0, gradients.size()));
      assertThat(exchange.awaitSums()).isZero();
      assertThat(Arrays.equals(HostMemory.floats(gradients), values(0, gradients.size()))).isTrue();
    }
  }

  @Test
  void stateIsShardedWhereItIsWantedAndNotByItselfInHostMemory() throws Exception {
    ParallelSettings wanted = ParallelSettings.of(Optional.of(true), GradientType.BFLOAT16);
    ParallelSettings refused = ParallelSettings.of(Optional.of(false), GradientType.FLOAT32);
    Ranks.onEach(
        3,
        collective -> {
          assertThat(choose(wanted, collective))
              .as("host memory sums in float32")
              .isEqualTo(new Parallelism(Transport.HOST, 3, GradientType.FLOAT32));
          assertThat(choose(wanted, ElementType.BFLOAT16, true, collective).gradientType())
              .isEqualTo(GradientType.FLOAT32);
          assertThat(choose(refused, collective).isSharded()).isFalse();
          assertThat(choose(ParallelSettings.DEFAULT, collective).isSharded()).isFalse();
          return null;
        });
    assertThat(choose(wanted, SingleProcess.create())).isEqualTo(Parallelism.NONE);
  }

  @ParameterizedTest
  @CsvSource({
    "BFLOAT16, true, BFLOAT16",
    "BFLOAT16, false, FLOAT32", // gradients of micro-batches are added in float32
    "FLOAT32, true, FLOAT32",
    "FLOAT64, true, FLOAT32"
  })
  void oneRankKeepsRoundedGradientsOfModelsAndStepsThatAllowIt(
      ElementType computed, boolean oneMicroBatch, GradientType expected) {
    ParallelSettings rounded = ParallelSettings.of(Optional.empty(), GradientType.BFLOAT16);
    assertThat(choose(rounded, computed, oneMicroBatch, SingleProcess.create()))
        .isEqualTo(new Parallelism(Transport.NONE, 1, expected));
    assertThat(choose(ParallelSettings.DEFAULT, computed, oneMicroBatch, SingleProcess.create()))
        .isEqualTo(Parallelism.NONE);
  }

  private static Parallelism choose(ParallelSettings settings, Collective collective) {
    return choose(settings, ElementType.FLOAT32, true, collective);
  }

  private static Parallelism choose(
      ParallelSettings settings,
      ElementType computed,
      boolean oneMicroBatch,
      Collective collective) {
    return Parallelism.choose(settings, Device.cpu(), computed, oneMicroBatch, collective);
  }

  @Test
  void ncclNeedsTheSameLibraryAndOneGpuForEachRank() {
    Optional<Member> a = Optional.of(new Member(22809, "a"));
    Optional<Member> b = Optional.of(new Member(22809, "b"));
    Optional<Member> older = Optional.of(new Member(22703, "b"));
    assertThat(Parallelism.obstacle(List.of(a, b))).isEmpty();
    assertThat(Parallelism.obstacle(List.of(a, b, a)))
        .hasValueSatisfying(reason -> assertThat(reason).contains("rank 2", "shares its GPU"));
    assertThat(Parallelism.obstacle(List.of(a, Optional.empty())))
        .hasValueSatisfying(reason -> assertThat(reason).contains("rank 1", "no NCCL"));
    assertThat(Parallelism.obstacle(List.of(a, older)))
        .hasValueSatisfying(reason -> assertThat(reason).contains("versions", "22809", "22703"));
  }
}
