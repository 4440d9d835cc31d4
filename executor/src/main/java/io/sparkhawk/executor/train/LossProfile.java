package io.sparkhawk.executor.train;

import java.io.Serializable;
import java.util.List;

/**
 * Where on the held-out rows a model's loss comes from.
 *
 * @param positions the loss by position in the row, in the order of the positions
 * @param sources the loss by source of the text, in the order of their names; empty if the data set
 *     does not know the sources of its held-out tokens
 */
public record LossProfile(List<ByPosition> positions, List<BySource> sources)
    implements Serializable {

  /** Nothing was measured. */
  public static final LossProfile NONE = new LossProfile(List.of(), List.of());

  public LossProfile {
    positions = List.copyOf(positions);
    sources = List.copyOf(sources);
  }

  /**
   * The tokens at some neighbouring positions.
   *
   * @param first the first position, counted from 1; a row's first token is predicted by none, so
   *     it is at least 2
   * @param last the last position
   * @param loss mean of -log p(token), in nats
   * @param tokens over how many tokens
   */
  public record ByPosition(int first, int last, double loss, long tokens) implements Serializable {}

  /**
   * The tokens of one source.
   *
   * @param source its name, as the data set's manifest has it
   * @param loss mean of -log p(token), in nats
   * @param tokens over how many tokens
   */
  public record BySource(String source, double loss, long tokens) implements Serializable {}
}
