package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LookaheadTest {

  private static final int SHARD_ROWS = 10;
  private static final RowRanges SHARDS = shards(30);
  private final Set<Integer> window = new LinkedHashSet<>();

  private static RowRanges shards(int count) {
    long[] rows = new long[count];
    Arrays.fill(rows, SHARD_ROWS);
    return RowRanges.of(rows);
  }

  private static Lookahead lookahead(SampleOrder order, int maxShards, long end) {
    return new Lookahead(order, SHARDS, shard -> 100, maxShards * 100L, end);
  }

  private void reached(Lookahead lookahead, long sample) {
    lookahead.reached(
        sample,
        shard -> assertThat(window.add(shard)).as("shard %d is new", shard).isTrue(),
        shard -> assertThat(window.remove(shard)).as("shard %d was there", shard).isTrue());
  }

  /** The same by brute force: shards in the order of their first use, as many as fit. */
  private static Set<Integer> next(SampleOrder order, long begin, int maxShards, long end) {
    Set<Integer> shards = new LinkedHashSet<>();
    for (long sample = begin; sample < end; sample++) {
      int shard = SHARDS.rangeOf(order.row(sample));
      if (!shards.contains(shard) && shards.size() == maxShards) {
        return shards;
      }
      shards.add(shard);
    }
    return shards;
  }

  @Test
  void windowHasTheShardsThatAreUsedNextAsFarAsTheyFit() {
    SampleOrder order = SampleOrder.inBlocks(4, SHARDS, 50);
    for (int maxShards : new int[] {1, 2, 5, 12, 15}) {
      window.clear();
      Lookahead lookahead = lookahead(order, maxShards, 900);
      for (long sample = 0; sample <= 900; sample += 6) {
        reached(lookahead, sample);
        assertThat(window)
            .as("%d shards from sample %d", maxShards, sample)
            .containsExactlyInAnyOrderElementsOf(next(order, sample, maxShards, 900));
      }
    }
  }

  @Test
  void shardsAreAskedForInTheOrderOfTheirFirstUse() {
    SampleOrder order = SampleOrder.inBlocks(5, SHARDS, 50);
    reached(lookahead(order, 12, 900), 0);
    assertThat(window).containsExactlyElementsOf(next(order, 0, 12, 900));
  }

  @Test
  void nothingIsFetchedForSamplesThatAreNotTrained() {
    SampleOrder order = SampleOrder.shuffled(6, SHARDS.total());
    reached(lookahead(order, 30, 3), 0);
    assertThat(window).containsExactlyElementsOf(next(order, 0, 30, 3)).hasSizeLessThanOrEqualTo(3);
  }

  @Test
  void goingBackBeginsANewWindow() {
    SampleOrder order = SampleOrder.inBlocks(7, SHARDS, 50);
    Lookahead lookahead = lookahead(order, 7, 900);
    reached(lookahead, 200);
    reached(lookahead, 40);
    assertThat(window).containsExactlyInAnyOrderElementsOf(next(order, 40, 7, 900));
  }

  @Test
  void shardThatIsLargerThanTheCacheIsNeededAllTheSame() {
    Lookahead lookahead =
        new Lookahead(SampleOrder.shuffled(8, SHARDS.total()), SHARDS, shard -> 100, 1, 900);
    reached(lookahead, 0);
    assertThat(window).hasSize(1);
  }
}
