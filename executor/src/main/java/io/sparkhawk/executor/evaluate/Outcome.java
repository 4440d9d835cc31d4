package io.sparkhawk.executor.evaluate;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What a model made of one example.
 *
 * @param correct whether the right answer has the highest log-likelihood; of a last word, whether
 *     each of its tokens is the most probable one
 * @param correctByCharacters as correct, with each log-likelihood divided by the characters of its
 *     choice (code points)
 * @param correctByBytes as correct, with each log-likelihood divided by the UTF-8 bytes of its
 *     choice
 * @param logLikelihood that of the right answer
 * @param truncated whether the context did not fit and lost its beginning
 */
public record Outcome(
    boolean correct,
    boolean correctByCharacters,
    boolean correctByBytes,
    double logLikelihood,
    boolean truncated)
    implements Serializable {

  /**
   * Judges an example.
   *
   * @param scores one for each of the example's requests
   */
  static Outcome of(TaskKind kind, Example example, List<Score> scores, boolean truncated) {
    double logLikelihood = scores.get(example.gold()).logLikelihood();
    if (kind == TaskKind.LAST_WORD) {
      boolean greedy = scores.get(0).greedy();
      return new Outcome(greedy, greedy, greedy, logLikelihood, truncated);
    }
    return new Outcome(
        isBest(example, scores, choice -> 1),
        isBest(example, scores, choice -> choice.codePointCount(0, choice.length())),
        isBest(example, scores, choice -> choice.getBytes(StandardCharsets.UTF_8).length),
        logLikelihood,
        truncated);
  }

  /** Of equal scores the first counts, as numpy's argmax has it. */
  private static boolean isBest(
      Example example, List<Score> scores, ToDoubleFunction<String> length) {
    int best = 0;
    double highest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < scores.size(); i++) {
      double score = scores.get(i).logLikelihood() / length.applyAsDouble(example.choices().get(i));
      if (score > highest) {
        best = i;
        highest = score;
      }
    }
    return best == example.gold();
  }
}
