package io.sparkhawk.executor.train;

import io.sparkhawk.executor.collective.Collective;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Adds up the losses of tokens by position and by source, in float64.
 *
 * <p>Neighbouring positions are taken together, the more the more tokens the model has read before
 * them: of each doubling of these there are four groups at most, since the loss changes most where
 * little has been read.
 */
final class LossTally {

  private static final int GROUPS_OF_A_DOUBLING = 4;

  private final List<String> sources;

  /** The first position of each group of positions, and the one after the last. */
  private final int[] positions;

  /** The group of each position, from the second one. */
  private final int[] groupOf;

  /** The losses of the groups of positions and of the sources, then how many tokens those are. */
  private final double[] sums;

  /**
   * @param rowLength tokens of a row
   * @param sources the names of the tokens' sources; empty if they are not known
   */
  LossTally(int rowLength, List<String> sources) {
    this.sources = List.copyOf(sources);
    this.positions = positions(rowLength);
    this.groupOf = new int[rowLength - 1];
    for (int group = 0; group < groups(); group++) {
      Arrays.fill(groupOf, positions[group] - 2, positions[group + 1] - 2, group);
    }
    this.sums = new double[2 * (groups() + sources.size())];
  }

  private static int[] positions(int rowLength) {
    return IntStream.concat(
            IntStream.iterate(
                    1,
                    read -> read < rowLength,
                    read -> read + Math.max(1, Integer.highestOneBit(read) / GROUPS_OF_A_DOUBLING))
                .map(read -> read + 1),
            IntStream.of(rowLength + 1))
        .toArray();
  }

  private int groups() {
    return positions.length - 1;
  }

  /**
   * Adds a row.
   *
   * @param losses of the tokens of some rows, without the first token of each
   * @param first place of this row's first loss
   * @param source the place of each of the row's tokens in the sources; not used if there are none
   */
  void add(double[] losses, int first, int[] source) {
    for (int i = 0; i < groupOf.length; i++) {
      add(groupOf[i], losses[first + i]);
      if (!sources.isEmpty()) {
        add(groups() + source[i + 1], losses[first + i]);
      }
    }
  }

  private void add(int place, double loss) {
    sums[place] += loss;
    sums[sums.length / 2 + place]++;
  }

  /** What all ranks have added; called by all of them. */
  LossProfile profile(Collective collective) {
    double[] all = collective.allReduceSum(sums);
    int counts = all.length / 2;
    List<LossProfile.ByPosition> byPosition =
        IntStream.range(0, groups())
            .mapToObj(
                i ->
                    new LossProfile.ByPosition(
                        positions[i],
                        positions[i + 1] - 1,
                        all[i] / all[counts + i],
                        (long) all[counts + i]))
            .toList();
    List<LossProfile.BySource> bySource =
        IntStream.range(groups(), counts)
            .filter(i -> all[counts + i] > 0)
            .mapToObj(
                i ->
                    new LossProfile.BySource(
                        sources.get(i - groups()),
                        all[i] / all[counts + i],
                        (long) all[counts + i]))
            .toList();
    return new LossProfile(byPosition, bySource);
  }
}
