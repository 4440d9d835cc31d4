package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SplitManifest;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ShuffleSpaceTest {

  private static final int ROW_BYTES = 6;

  private static SplitManifest split(long... rows) {
    List<ShardEntry> shards =
        Arrays.stream(rows)
            .mapToObj(n -> new ShardEntry("s", n, n, n * ROW_BYTES, "0".repeat(64)))
            .toList();
    return new SplitManifest(1, 1, Map.of(), shards);
  }

  @Test
  void shardsOfTwoBlocksFitInItWhereverTheyAre() {
    long seed = System.nanoTime();
    System.out.println("ShuffleSpaceTest seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 100; i++) {
      long[] rows = LongStream.range(0, 20).map(shard -> 20 + random.nextInt(20)).toArray();
      RowRanges shards = RowRanges.of(rows);
      int blockRows = 30 + random.nextInt(100);
      SampleOrder order = SampleOrder.inBlocks(random.nextLong(), shards, blockRows);
      long first = random.nextInt((int) order.rows() - (int) (2 * order.longestBlock()));
      long bytes =
          LongStream.range(first, first + order.longestBlock())
              .mapToInt(sample -> shards.rangeOf(order.row(sample)))
              .distinct()
              .mapToLong(shard -> rows[shard] * ROW_BYTES)
              .sum();
      assertThat(bytes).isLessThanOrEqualTo(ShuffleSpace.bytes(split(rows), blockRows));
    }
  }

  @Test
  void itIsNeverMoreThanTheWholeSplit() {
    SplitManifest split = split(10, 20, 30);
    for (long blockRows : new long[] {25, 30, 60, 1000, Long.MAX_VALUE}) {
      assertThat(ShuffleSpace.bytes(split, blockRows)).isEqualTo(60 * ROW_BYTES);
    }
    assertThat(IntStream.of(1, 5)).allMatch(n -> ShuffleSpace.bytes(split, n) < 440);
  }

  @Test
  void rowsOfTwoBlocksAndTwoShardsAtTheirBordersAreCounted() {
    long[] rows = new long[100];
    Arrays.fill(rows, 10);
    assertThat(ShuffleSpace.bytes(split(rows), 50)).isEqualTo((100 + 2 * 10) * ROW_BYTES);
  }
}
