package io.sparkhawk.executor.generate;

/**
 * How a generation went.
 *
 * @param promptTokens tokens of the prompt
 * @param generatedTokens tokens that were written, without the one that ended the text
 * @param prefillSeconds time for the prompt, which is computed in parallel
 * @param steps tokens that the model took in one by one
 * @param decodingSeconds time for the steps
 * @param stateBytes memory of the sequence at the end, on the device that is computed on
 * @param stop why it ended
 */
public record GenerationResult(
    int promptTokens,
    int generatedTokens,
    double prefillSeconds,
    int steps,
    double decodingSeconds,
    long stateBytes,
    Stop stop) {

  /** Why a generation ends. */
  public enum Stop {
    END_OF_TEXT,
    MAX_TOKENS,
    LONGEST_SEQUENCE
  }
}
