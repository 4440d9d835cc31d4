package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.train.LossProfile.ByPosition;
import io.sparkhawk.executor.train.LossProfile.BySource;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LossTallyTest {

  @Test
  void positionsAreFourGroupsOfEachDoublingAtMost() {
    LossTally tally = new LossTally(40, List.of());
    tally.add(new double[39], 0, new int[0]);
    List<String> groups =
        tally.profile(SingleProcess.create()).positions().stream()
            .map(group -> group.first() + "-" + group.last())
            .toList();
    assertThat(groups)
        .containsExactly(
            "2-2", "3-3", "4-4", "5-5", "6-6", "7-7", "8-8", "9-10", "11-12", "13-14", "15-16",
            "17-20", "21-24", "25-28", "29-32", "33-40");
  }

  @Test
  void everyPositionOfAnyRowIsInOneGroup() {
    for (int length : new int[] {2, 3, 17, 512, 4096}) {
      LossTally tally = new LossTally(length, List.of());
      tally.add(new double[length - 1], 0, new int[0]);
      List<ByPosition> groups = tally.profile(SingleProcess.create()).positions();
      int next = 2;
      for (ByPosition group : groups) {
        assertThat(group.first()).isEqualTo(next);
        assertThat(group.tokens()).isEqualTo(group.last() - group.first() + 1);
        next = group.last() + 1;
      }
      assertThat(next).isEqualTo(length + 1);
      assertThat(groups).hasSizeLessThanOrEqualTo(4 * 12);
    }
  }

  @Test
  void lossesAreTheMeansOfTheirTokens() {
    Random random = new Random(1);
    int rows = 5;
    int length = 30;
    double[] losses = random.doubles((long) rows * (length - 1)).toArray();
    int[][] sources = new int[rows][];
    LossTally tally = new LossTally(length, List.of("a", "b", "none of it"));
    for (int row = 0; row < rows; row++) {
      sources[row] = random.ints(length, 0, 2).toArray();
      tally.add(losses, row * (length - 1), sources[row]);
    }

    LossProfile profile = tally.profile(SingleProcess.create());

    for (ByPosition group : profile.positions()) {
      double mean =
          IntStream.rangeClosed(group.first(), group.last())
              .boxed()
              .flatMap(p -> IntStream.range(0, rows).mapToObj(r -> r * (length - 1) + p - 2))
              .mapToDouble(i -> losses[i])
              .average()
              .orElseThrow();
      assertThat(group.loss()).isCloseTo(mean, within(1e-12));
    }
    Map<String, double[]> expected = new TreeMap<>();
    for (int i = 0; i < losses.length; i++) {
      int source = sources[i / (length - 1)][i % (length - 1) + 1];
      double[] sum = expected.computeIfAbsent(source == 0 ? "a" : "b", name -> new double[2]);
      sum[0] += losses[i];
      sum[1]++;
    }
    assertThat(profile.sources()).extracting(BySource::source).containsExactly("a", "b");
    for (BySource source : profile.sources()) {
      double[] sum = expected.get(source.source());
      assertThat(source.tokens()).isEqualTo((long) sum[1]);
      assertThat(source.loss()).isCloseTo(sum[0] / sum[1], within(1e-12));
    }
  }
}
