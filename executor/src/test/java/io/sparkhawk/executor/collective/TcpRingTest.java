package io.sparkhawk.executor.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.InfrastructureException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class TcpRingTest {

  private static float[] randomValues(Random random, int size) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) (random.nextGaussian() * Math.exp(random.nextGaussian() * 4));
    }
    return values;
  }

  private static Random printedRandom() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    return new Random(seed);
  }

  /** Sizes around the world size, around a frame, and beyond what sockets buffer. */
  private static final int[] SIZES = {
    0, 1, 2, 3, 4, 5, 7, 1000, 65_535, 65_536, 65_537, 131_073, 5_000_003
  };

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void sumIsThatOfAllRanksAndTheSameBitsEverywhere(int worldSize) throws Exception {
    Random random = printedRandom();
    List<List<float[]>> inputs = new ArrayList<>();
    for (int rank = 0; rank < worldSize; rank++) {
      inputs.add(Arrays.stream(SIZES).mapToObj(size -> randomValues(random, size)).toList());
    }

    List<List<float[]>> results =
        Ranks.onEach(
            worldSize,
            collective -> {
              List<float[]> sums = new ArrayList<>();
              for (float[] values : inputs.get(collective.rank())) {
                ByteBuffer buffer = Ranks.buffer(values);
                collective.allReduceSum(buffer);
                assertThat(buffer.position()).isZero();
                assertThat(buffer.limit()).isEqualTo(buffer.capacity());
                sums.add(Ranks.floats(buffer));
              }
              return sums;
            });

    for (int size = 0; size < SIZES.length; size++) {
      float[] sum = results.get(0).get(size);
      for (int rank = 1; rank < worldSize; rank++) {
        assertThat(Arrays.equals(results.get(rank).get(size), sum))
            .as("bits of rank %d with %d values", rank, SIZES[size])
            .isTrue();
      }
      assertSumOf(inputs, size, sum);
    }
  }

  private static void assertSumOf(List<List<float[]>> inputs, int size, float[] sum) {
    assertThat(sum).hasSize(SIZES[size]);
    for (int i = 0; i < sum.length; i++) {
      double expected = 0;
      double magnitude = 0;
      for (List<float[]> ofRank : inputs) {
        expected += ofRank.get(size)[i];
        magnitude += Math.abs(ofRank.get(size)[i]);
      }
      // Each of the at most 4 additions may round by half a unit in the last place.
      if (Math.abs(sum[i] - expected) > 4 * Math.ulp((float) magnitude)) {
        assertThat((double) sum[i]).as("value %d of %d", i, sum.length).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void reduceScatterGivesEachRankTheSumOfItsShareAndAllGatherTheShareOfEach(int worldSize)
      throws Exception {
    Random random = printedRandom();
    List<List<float[]>> inputs = new ArrayList<>();
    for (int rank = 0; rank < worldSize; rank++) {
      inputs.add(Arrays.stream(SIZES).mapToObj(size -> randomValues(random, size)).toList());
    }
    record Result(List<float[]> scattered, List<float[]> gathered, List<float[]> reduced) {}

    List<Result> results =
        Ranks.onEach(
            worldSize,
            collective -> {
              Result result = new Result(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
              for (float[] values : inputs.get(collective.rank())) {
                ByteBuffer buffer = Ranks.buffer(values);
                collective.startReduceScatterSum(buffer).get(30, TimeUnit.SECONDS);
                result.scattered.add(Ranks.floats(buffer));
                collective.startAllGather(buffer).get(30, TimeUnit.SECONDS);
                result.gathered.add(Ranks.floats(buffer));
                ByteBuffer again = Ranks.buffer(values);
                collective.allReduceSum(again);
                result.reduced.add(Ranks.floats(again));
              }
              return result;
            });

    for (int size = 0; size < SIZES.length; size++) {
      float[] sum = results.get(0).gathered.get(size);
      assertSumOf(inputs, size, sum);
      for (int rank = 0; rank < worldSize; rank++) {
        Result ofRank = results.get(rank);
        assertThat(Arrays.equals(ofRank.gathered.get(size), sum)).isTrue();
        assertThat(Arrays.equals(ofRank.reduced.get(size), sum))
            .as("an all-reduce of %d values has the same bits", SIZES[size])
            .isTrue();
        int from = (int) ((long) SIZES[size] * rank / worldSize);
        int to = (int) ((long) SIZES[size] * (rank + 1) / worldSize);
        assertThat(
                Arrays.equals(
                    Arrays.copyOfRange(ofRank.scattered.get(size), from, to),
                    Arrays.copyOfRange(sum, from, to)))
            .as("share of rank %d of %d values", rank, SIZES[size])
            .isTrue();
      }
    }
  }

  @Test
  void onlyTheValuesBetweenPositionAndLimitAreSummed() throws Exception {
    List<float[]> results =
        Ranks.onEach(
            2,
            collective -> {
              ByteBuffer buffer = Ranks.buffer(1, 2, 3, 4);
              collective.allReduceSum(buffer.position(4).limit(12));
              assertThat(buffer.position()).isEqualTo(4);
              assertThat(buffer.limit()).isEqualTo(12);
              return Ranks.floats(buffer.clear());
            });
    assertThat(results).allSatisfy(values -> assertThat(values).containsExactly(1, 4, 6, 4));
  }

  @Test
  void whatIsSentIsCountedToTheByte() throws Exception {
    List<Long> sent =
        Ranks.onEach(
            3,
            collective -> {
              long before = collective.sentBytes();
              collective.allReduceSum(Ranks.buffer(new float[999]));
              collective.barrier();
              return collective.sentBytes() - before;
            });
    // Each operation begins with 36 bytes, and each share of 333 values has a head of 8.
    int sum = 36 + 2 * 2 * (333 * Float.BYTES + 8);
    int barrier = 36 + 2 * (Double.BYTES + 8);
    assertThat(sent).containsOnly((long) sum + barrier).hasSize(3);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void startedSumsRunInOrderWhileTheCallerGoesOn(int worldSize) throws Exception {
    int sums = 20;
    List<List<float[]>> results =
        Ranks.onEach(
            worldSize,
            collective -> {
              List<ByteBuffer> buffers = new ArrayList<>();
              List<Future<?>> futures = new ArrayList<>();
              for (int i = 0; i < sums; i++) {
                float[] values = new float[1 + i * 10_000];
                Arrays.fill(values, i + collective.rank());
                buffers.add(Ranks.buffer(values));
                futures.add(collective.startAllReduceSum(buffers.get(i)));
              }
              double[] afterThem = collective.allReduceSum(1);
              assertThat(futures).allMatch(Future::isDone);
              assertThat(afterThem).containsExactly(worldSize);
              return buffers.stream().map(Ranks::floats).toList();
            });
    for (int i = 0; i < sums; i++) {
      float expected = worldSize * i + worldSize * (worldSize - 1) / 2;
      for (List<float[]> ofRank : results) {
        assertThat(ofRank.get(i)).hasSize(1 + i * 10_000).containsOnly(expected);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void doublesAreSummedInRankOrderOnAllRanks(int worldSize) throws Exception {
    Random random = printedRandom();
    double[][] inputs = new double[worldSize][];
    for (int rank = 0; rank < worldSize; rank++) {
      inputs[rank] = random.doubles(5, -1e9, 1e9).toArray();
    }
    double[] expected = new double[5];
    for (double[] ofRank : inputs) {
      Arrays.setAll(expected, i -> expected[i] + ofRank[i]);
    }
    List<double[]> results =
        Ranks.onEach(worldSize, collective -> collective.allReduceSum(inputs[collective.rank()]));
    assertThat(results).allSatisfy(sum -> assertThat(sum).containsExactly(expected));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void broadcastCopiesTheRootsBytes(int worldSize) throws Exception {
    Random random = printedRandom();
    byte[] message = new byte[3_000_001];
    random.nextBytes(message);
    for (int root = 0; root < worldSize; root++) {
      int chosen = root;
      List<byte[]> results =
          Ranks.onEach(
              worldSize,
              collective -> {
                byte[] bytes =
                    collective.rank() == chosen ? message.clone() : new byte[message.length];
                collective.broadcast(ByteBuffer.wrap(bytes), chosen);
                collective.broadcast(ByteBuffer.allocate(0), chosen);
                return bytes;
              });
      assertThat(results).allMatch(bytes -> Arrays.equals(bytes, message));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void gatherKeepsRankOrderAndSizes(int worldSize) throws Exception {
    List<List<String>> results =
        Ranks.onEach(
            worldSize,
            collective ->
                collective
                    .allGather("x".repeat(collective.rank()).getBytes(StandardCharsets.UTF_8))
                    .stream()
                    .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                    .toList());
    List<String> expected = new ArrayList<>();
    for (int rank = 0; rank < worldSize; rank++) {
      expected.add("x".repeat(rank));
    }
    assertThat(results).containsOnly(expected);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void barrierWaitsForTheLastRank(int worldSize) throws Exception {
    var entered = new AtomicInteger();
    List<Integer> seen =
        Ranks.onEach(
            worldSize,
            collective -> {
              for (int i = 0; i < 50; i++) {
                entered.incrementAndGet();
                collective.barrier();
                assertThat(entered.get()).isGreaterThanOrEqualTo((i + 1) * worldSize);
                collective.barrier();
              }
              return entered.get();
            });
    assertThat(seen).hasSize(worldSize);
  }

  @Test
  void mixedCallsInRandomOrderStayInStep() throws Exception {
    long seed = printedRandom().nextLong();
    List<double[]> results =
        Ranks.onEach(
            3,
            collective -> {
              Random random = new Random(seed);
              double total = 0;
              for (int i = 0; i < 300; i++) {
                switch (random.nextInt(4)) {
                  case 0 -> collective.barrier();
                  case 1 -> total += collective.allReduceSum(random.nextDouble())[0];
                  case 2 -> {
                    int root = random.nextInt(3);
                    ByteBuffer bytes = ByteBuffer.allocate(random.nextInt(100_000) + 8);
                    bytes.putDouble(0, collective.rank() == root ? i : -1);
                    collective.broadcast(bytes, root);
                    total += bytes.getDouble(0);
                  }
                  default -> {
                    ByteBuffer values = Ranks.buffer(new float[random.nextInt(200_000) + 1]);
                    values.putFloat(0, 1);
                    collective.allReduceSum(values);
                    total += values.getFloat(0);
                  }
                }
              }
              return new double[] {total};
            });
    assertThat(results.get(1)).containsExactly(results.get(0));
    assertThat(results.get(2)).containsExactly(results.get(0));
    assertThat(results.get(0)[0]).isPositive();
  }

  @Test
  void differentCallsAreRefusedByName() {
    assertThatThrownBy(
            () ->
                Ranks.onEach(
                    2,
                    collective -> {
                      collective.atStep(3);
                      collective.allReduceSum(Ranks.buffer(new float[1 + collective.rank()]));
                      return null;
                    }))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("at step 3")
        .hasMessageContaining("all-reduce of 4 bytes")
        .hasMessageContaining("all-reduce of 8 bytes");
  }

  @Test
  void buffersThatCannotBeSummedAreRefusedBeforeAnythingIsSent() throws Exception {
    List<double[]> results =
        Ranks.onEach(
            2,
            collective -> {
              assertThatThrownBy(() -> collective.allReduceSum(ByteBuffer.allocate(8)))
                  .isInstanceOf(IllegalArgumentException.class)
                  .hasMessageContaining("direct");
              assertThatThrownBy(() -> collective.allReduceSum(ByteBuffer.allocateDirect(8)))
                  .isInstanceOf(IllegalArgumentException.class)
                  .hasMessageContaining("native byte order");
              assertThatThrownBy(() -> collective.allReduceSum(Ranks.buffer(1, 2).limit(7)))
                  .isInstanceOf(IllegalArgumentException.class)
                  .hasMessageContaining("7 bytes");
              assertThatThrownBy(() -> collective.broadcast(ByteBuffer.allocate(8), 2))
                  .isInstanceOf(IllegalArgumentException.class)
                  .hasMessageContaining("root 2");
              return collective.allReduceSum(1);
            });
    assertThat(results).allSatisfy(sum -> assertThat(sum).containsExactly(2));
  }

  @Test
  void closedCollectiveRefusesFurtherCalls() throws Exception {
    List<Collective> collectives = Ranks.onEach(2, collective -> collective);
    assertThatThrownBy(collectives.get(0)::barrier)
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void rankThatFinishesFirstMayLeave() throws Exception {
    List<Float> results =
        Ranks.onEach(
            3,
            collective -> {
              ByteBuffer values = Ranks.buffer(new float[1_000_000]);
              values.putFloat(0, collective.rank());
              Future<?> sum = collective.startAllReduceSum(values);
              try {
                sum.get(30, TimeUnit.SECONDS);
              } catch (ExecutionException e) {
                throw (Exception) e.getCause();
              }
              return values.getFloat(0);
            });
    assertThat(results).containsOnly(3f);
  }
}
