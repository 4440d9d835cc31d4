package io.sparkhawk.executor.compare;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;

/**
 * What of two models is to be compared. An empty list or text leaves the choice to the comparison.
 *
 * @param blocks numbers of the blocks whose matrices are shown, from 0; if empty, the first, the
 *     middle and the last of those in which the student has a mixer of its own
 * @param heads numbers of the heads, from 0; if empty, the first and the middle one
 * @param text what the matrices are on; if empty, the beginning of the first held-out row
 * @param prompts beginnings that both models continue; if empty, those of three held-out rows
 * @param textTokens tokens of the text that the matrices are on, at most; a matrix has as many rows
 * @param continuationTokens tokens that each model writes after each prompt; 0 for none
 */
public record ComparisonChoice(
    List<Integer> blocks,
    List<Integer> heads,
    String text,
    List<String> prompts,
    int textTokens,
    int continuationTokens)
    implements Serializable {

  /** Tokens of the text unless something else is said. */
  public static final int TEXT_TOKENS = 64;

  /** Tokens of a continuation unless something else is said. */
  public static final int CONTINUATION_TOKENS = 40;

  public ComparisonChoice {
    blocks = List.copyOf(blocks);
    heads = List.copyOf(heads);
    Objects.requireNonNull(text, "text");
    prompts = List.copyOf(prompts);
  }

  /** All left to the comparison. */
  public static ComparisonChoice usual() {
    return new ComparisonChoice(
        List.of(), List.of(), "", List.of(), TEXT_TOKENS, CONTINUATION_TOKENS);
  }
}
