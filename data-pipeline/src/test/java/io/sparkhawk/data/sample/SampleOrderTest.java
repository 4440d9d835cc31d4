package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SampleOrderTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1000, 4096, 4097, 100_003})
  void everyEpochVisitsEveryRowOnce(long rows) {
    SampleOrder order = SampleOrder.shuffled(17, rows);
    for (long epoch = 0; epoch < 3; epoch++) {
      assertThat(epoch(order, epoch)).hasSize((int) rows).isEqualTo(sorted(rows));
    }
  }

  private static long[] epoch(SampleOrder order, long epoch) {
    long first = epoch * order.rows();
    return LongStream.range(first, first + order.rows()).map(order::row).sorted().toArray();
  }

  private static long[] sorted(long rows) {
    return LongStream.range(0, rows).toArray();
  }

  @Test
  void randomSizesAndSeedsArePermutationsToo() {
    long testSeed = System.nanoTime();
    System.out.println("SampleOrderTest seed " + testSeed);
    Random random = new Random(testSeed);
    for (int i = 0; i < 50; i++) {
      long rows = 1L + random.nextInt(5000);
      SampleOrder order = SampleOrder.shuffled(random.nextLong(), rows);
      long epoch = random.nextInt(1_000_000);
      assertThat(epoch(order, epoch)).as("%d rows, epoch %d", rows, epoch).isEqualTo(sorted(rows));
    }
  }

  @Test
  void epochsDifferFromEachOtherAndFromTheRowOrder() {
    SampleOrder order = SampleOrder.shuffled(1, 1000);
    long[] first = samples(order, 0);
    long[] second = samples(order, 1000);
    assertThat(samePlaces(first, second)).isLessThan(20);
    assertThat(samePlaces(first, sorted(1000))).isLessThan(20);
  }

  @Test
  void seedsGiveDifferentOrders() {
    long[] first = samples(SampleOrder.shuffled(1, 1000), 0);
    long[] second = samples(SampleOrder.shuffled(2, 1000), 0);
    assertThat(samePlaces(first, second)).isLessThan(20);
  }

  private static long[] samples(SampleOrder order, long first) {
    return LongStream.range(first, first + order.rows()).map(order::row).toArray();
  }

  private static long samePlaces(long[] first, long[] second) {
    return IntStream.range(0, first.length).filter(i -> first[i] == second[i]).count();
  }

  @Test
  void neighboursInTheOrderAreFarApartInTheRows() {
    // The mean distance of two independent uniform rows of n is n / 3.
    long[] samples = samples(SampleOrder.shuffled(3, 10_000), 0);
    double mean =
        IntStream.range(1, samples.length)
            .mapToLong(i -> Math.abs(samples[i] - samples[i - 1]))
            .average()
            .orElseThrow();
    assertThat(mean).isBetween(3200.0, 3470.0);
  }

  @Test
  void everyPlaceOfASmallOrderTakesEveryRowEquallyOften() {
    // 6000 epochs of 6 rows: 1000 expected in each cell, standard deviation 29.
    SampleOrder order = SampleOrder.shuffled(5, 6);
    int[][] cells = new int[6][6];
    for (int sample = 0; sample < 36_000; sample++) {
      cells[sample % 6][(int) order.row(sample)]++;
    }
    for (int[] place : cells) {
      assertThat(Arrays.stream(place)).allMatch(count -> count > 850 && count < 1150);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 7, 8})
  void ranksTogetherTakeTheSameSamplesInEveryStepAtAnyWorldSize(int worldSize) {
    SampleOrder order = SampleOrder.shuffled(11, 101);
    int batch = 24;
    for (int step = 0; step < 10; step++) {
      long first = 5 + (long) step * batch;
      long[] alone = LongStream.range(first, first + batch).map(order::row).sorted().toArray();
      long[] together =
          IntStream.range(0, worldSize)
              .mapToObj(rank -> ofRank(order, first, batch, rank, worldSize))
              .flatMapToLong(Arrays::stream)
              .sorted()
              .toArray();
      assertThat(together).isEqualTo(alone);
    }
  }

  private static long[] ofRank(SampleOrder order, long first, int batch, int rank, int worldSize) {
    return LongStream.range(first, first + batch)
        .filter(sample -> sample % worldSize == rank)
        .map(order::row)
        .toArray();
  }

  @Test
  void orderIsTheSameInEveryVersion() {
    // A checkpoint's position would mean other samples if these numbers changed.
    SampleOrder order = SampleOrder.shuffled(42, 10);
    assertThat(LongStream.range(0, 20).map(order::row).toArray())
        .containsExactly(1, 0, 2, 4, 6, 7, 8, 3, 9, 5, 4, 0, 9, 2, 8, 6, 1, 5, 7, 3);
  }

  @Test
  void hugeDataSetsNeedNoMemory() {
    SampleOrder order = SampleOrder.shuffled(7, 1L << 62);
    assertThat(order.row(123_456_789_012L)).isBetween(0L, (1L << 62) - 1);
  }

  @Test
  void impossibleArgumentsAreRefused() {
    assertThatThrownBy(() -> SampleOrder.shuffled(1, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("rows is 0");
    assertThatThrownBy(() -> SampleOrder.shuffled(1, 5).row(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("-1");
  }
}
