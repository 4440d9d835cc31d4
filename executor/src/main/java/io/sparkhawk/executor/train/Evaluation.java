package io.sparkhawk.executor.train;

import java.io.Serializable;
import java.util.List;

/**
 * The student on held-out rows.
 *
 * @param perplexity exponential of the mean next-token loss
 * @param tokens held-out tokens that were used
 * @param matrixDistances stage-1 distance of each block, NaN where attention is kept
 * @param hiddenDistances stage-2 distance of each block's mixer output, NaN where attention is kept
 * @param profile where the loss comes from; {@link LossProfile#NONE} if that was not asked for
 */
public record Evaluation(
    double perplexity,
    long tokens,
    List<Double> matrixDistances,
    List<Double> hiddenDistances,
    LossProfile profile)
    implements Serializable {

  public Evaluation {
    matrixDistances = List.copyOf(matrixDistances);
    hiddenDistances = List.copyOf(hiddenDistances);
    profile = profile == null ? LossProfile.NONE : profile; // Older files have none.
  }

  /** An evaluation without a profile. */
  public Evaluation(
      double perplexity, long tokens, List<Double> matrixDistances, List<Double> hiddenDistances) {
    this(perplexity, tokens, matrixDistances, hiddenDistances, LossProfile.NONE);
  }
}
