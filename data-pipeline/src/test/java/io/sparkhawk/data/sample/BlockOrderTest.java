package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The order of a data set that is larger than a block. */
class BlockOrderTest {

  private static SampleOrder order(long seed, long blockRows, long... shards) {
    return SampleOrder.inBlocks(seed, RowRanges.of(shards), blockRows);
  }

  private static long[] equalShards(int count, long rows) {
    long[] shards = new long[count];
    Arrays.fill(shards, rows);
    return shards;
  }

  private static long[] samples(SampleOrder order, long first, long count) {
    return LongStream.range(first, first + count).map(order::row).toArray();
  }

  @Test
  void everyEpochVisitsEveryRowOnceWhateverTheShardsAndTheBlock() {
    long testSeed = System.nanoTime();
    System.out.println("BlockOrderTest seed " + testSeed);
    Random random = new Random(testSeed);
    for (int i = 0; i < 300; i++) {
      long[] shards =
          IntStream.range(0, 1 + random.nextInt(30)).mapToLong(s -> random.nextInt(60)).toArray();
      shards[random.nextInt(shards.length)] += 1;
      long rows = Arrays.stream(shards).sum();
      long block = 1L + random.nextInt((int) rows + 5);
      SampleOrder order = order(random.nextLong(), block, shards);
      long epoch = random.nextInt(1_000_000);
      assertThat(LongStream.of(samples(order, epoch * rows, rows)).sorted())
          .as("shards %s, block %d, epoch %d", Arrays.toString(shards), block, epoch)
          .isEqualTo(LongStream.range(0, rows).boxed().toList());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {10, 11, 1000, Long.MAX_VALUE})
  void dataSetThatFitsInABlockIsShuffledAsAWhole(long blockRows) {
    SampleOrder whole = SampleOrder.shuffled(42, 10);
    assertThat(samples(order(42, blockRows, 3, 0, 7), 0, 50)).isEqualTo(samples(whole, 0, 50));
  }

  @Test
  void orderIsTheSameInEveryVersion() {
    // A checkpoint's position would mean other samples if these numbers changed.
    assertThat(samples(order(42, 4, 3, 4, 2, 1), 0, 20))
        .containsExactly(2, 9, 0, 1, 3, 7, 8, 6, 4, 5, 8, 0, 7, 9, 1, 3, 2, 6, 4, 5);
  }

  @Test
  void fewShardsAreNeededForAnyPartOfTheOrder() {
    long testSeed = System.nanoTime();
    System.out.println("BlockOrderTest seed " + testSeed);
    Random random = new Random(testSeed);
    int shardRows = 50;
    int shortest = 384; // 5000 rows in 13 blocks
    int longest = 385;
    long[] shards = equalShards(100, shardRows);
    SampleOrder order = order(random.nextLong(), 400, shards);
    RowRanges ranges = RowRanges.of(shards);
    for (int i = 0; i < 300; i++) {
      int span = 1 + random.nextInt(1200);
      // Within an epoch: the rows lie in so many blocks, whose ends may cut two more shards.
      long first = random.nextInt(5) * order.rows() + random.nextInt((int) order.rows() - span);
      Set<Integer> needed = new TreeSet<>();
      LongStream.range(first, first + span).forEach(s -> needed.add(ranges.rangeOf(order.row(s))));
      int blocks = (span + shortest - 2) / shortest + 1;
      assertThat(needed).hasSizeLessThanOrEqualTo(blocks * longest / shardRows + 2);
    }
  }

  @Test
  void shardIsInOneBlockOrInTwoThatFollowEachOther() {
    long[] shards = {30, 70, 45, 80, 20, 55, 10, 90, 100, 35, 65};
    SampleOrder order = order(9, 100, shards); // 600 rows: six blocks of 100
    RowRanges ranges = RowRanges.of(shards);
    for (int epoch = 0; epoch < 20; epoch++) {
      for (int shard = 0; shard < shards.length; shard++) {
        int wanted = shard;
        long first = epoch * order.rows();
        long[] blocks =
            LongStream.range(first, first + order.rows())
                .filter(sample -> ranges.rangeOf(order.row(sample)) == wanted)
                .map(sample -> (sample - first) / 100)
                .distinct()
                .sorted()
                .toArray();
        assertThat(blocks[blocks.length - 1] - blocks[0]).isEqualTo(blocks.length - 1L);
        assertThat(blocks.length).isBetween(1, 2);
      }
    }
  }

  @Test
  void blocksDifferByAtMostOneRow() {
    // 1003 rows in blocks of at most 100: eleven of 91 or 92, none of 3.
    SampleOrder order = order(1, 100, 1003);
    assertThat(order.longestBlock()).isEqualTo(92);
  }

  @Test
  void seedsAndEpochsGiveOtherBlocksAndOtherOrdersInThem() {
    long[] shards = equalShards(20, 50);
    long[] one = samples(order(1, 100, shards), 0, 1000);
    long[] otherEpoch = samples(order(1, 100, shards), 1000, 1000);
    long[] otherSeed = samples(order(2, 100, shards), 0, 1000);
    for (long[] other : new long[][] {otherEpoch, otherSeed, LongStream.range(0, 1000).toArray()}) {
      assertThat(IntStream.range(0, 1000).filter(i -> one[i] == other[i]).count()).isLessThan(20);
    }
    assertThat(shardsOfFirstBlock(one)).isNotEqualTo(shardsOfFirstBlock(otherEpoch));
    assertThat(shardsOfFirstBlock(one)).isNotEqualTo(shardsOfFirstBlock(otherSeed));
  }

  private static Set<Long> shardsOfFirstBlock(long[] samples) {
    Set<Long> shards = new TreeSet<>();
    Arrays.stream(samples).limit(100).forEach(row -> shards.add(row / 50));
    return shards;
  }

  @Test
  void everyPlaceOfABlockTakesEveryRowEquallyOften() {
    // 18000 epochs of 18 rows in three blocks of 6: 1000 expected in each cell, deviation 31.
    SampleOrder order = order(5, 6, equalShards(6, 3));
    int epochs = 18_000;
    int[][] cells = new int[18][18];
    for (int sample = 0; sample < 18 * epochs; sample++) {
      cells[sample % 18][(int) order.row(sample)]++;
    }
    for (int[] place : cells) {
      assertThat(Arrays.stream(place)).allMatch(count -> count > 840 && count < 1160);
    }
  }

  @ParameterizedTest
  @CsvSource({"1000, 20", "997, 7"})
  void neighboursInABlockAreAsFarApartAsOfARandomOrder(int blockRows, int shards) {
    // One third of the block on average, for a uniform permutation.
    SampleOrder order = order(3, blockRows, equalShards(shards * 10, blockRows / shards + 1));
    long[] block = samples(order, 0, order.longestBlock());
    int[] place = new int[block.length];
    long[] sorted = block.clone();
    Arrays.sort(sorted);
    for (int i = 0; i < block.length; i++) {
      place[i] = Arrays.binarySearch(sorted, block[i]);
    }
    double mean =
        IntStream.range(1, block.length)
            .mapToLong(i -> Math.abs(place[i] - place[i - 1]))
            .average()
            .orElseThrow();
    assertThat(mean).isBetween(0.29 * block.length, 0.375 * block.length);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 6, 8})
  void ranksTogetherTakeTheSameSamplesInEveryStepAtAnyWorldSize(int worldSize) {
    long[] shards = {17, 40, 3, 0, 25, 16};
    SampleOrder alone = order(11, 30, shards);
    for (int step = 0; step < 20; step++) {
      long first = 5 + 24L * step;
      LongStream together = LongStream.empty();
      for (int rank = 0; rank < worldSize; rank++) {
        int remainder = rank;
        SampleOrder ofRank = order(11, 30, shards);
        together =
            LongStream.concat(
                together,
                LongStream.range(first, first + 24)
                    .filter(sample -> sample % worldSize == remainder)
                    .map(ofRank::row));
      }
      assertThat(together.sorted().toArray())
          .isEqualTo(LongStream.of(samples(alone, first, 24)).sorted().toArray());
    }
  }

  @Test
  void samplesAreAskedForInAnyOrder() {
    long[] shards = equalShards(9, 30);
    long[] expected = samples(order(8, 50, shards), 0, 2000);
    SampleOrder order = order(8, 50, shards);
    new Random(8)
        .ints(5000, 0, 2000)
        .forEach(sample -> assertThat(order.row(sample)).isEqualTo(expected[sample]));
  }

  @Test
  void blockWithoutRowsIsRefused() {
    assertThatThrownBy(() -> order(1, 0, 5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("maxBlockRows is 0");
  }
}
