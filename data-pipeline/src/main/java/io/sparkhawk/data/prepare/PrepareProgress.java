package io.sparkhawk.data.prepare;

/**
 * How far a preparation is.
 *
 * @param phase what is being done
 * @param documents documents read (while reading) or tokenised (while tokenising) so far
 * @param tokens tokens made so far, end-of-text ids included; 0 while reading
 * @param tokensPerSecond tokens per second of the phase
 * @param share share of the phase that is done, 0 to 1
 * @param seconds time since the preparation began
 */
public record PrepareProgress(
    Phase phase,
    long documents,
    long tokens,
    double tokensPerSecond,
    double share,
    double seconds) {

  /** The two passes over the documents. */
  public enum Phase {
    /** Documents are read and compared. */
    READING,
    /** Documents are read again, tokenised and written. */
    TOKENISING
  }
}
