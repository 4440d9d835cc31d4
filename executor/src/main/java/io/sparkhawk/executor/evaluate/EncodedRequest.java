package io.sparkhawk.executor.evaluate;

/** A request in token ids: a context of at least one id, then the continuation. */
final class EncodedRequest {

  private final int[] ids;
  private final int continuation;
  private final boolean truncated;

  /**
   * @param ids context and continuation; not copied
   * @param continuation how many ids at the end are the continuation, at least one
   * @param truncated whether the context has lost its beginning
   */
  EncodedRequest(int[] ids, int continuation, boolean truncated) {
    if (continuation < 1 || continuation >= ids.length) {
      throw new IllegalArgumentException(continuation + " of " + ids.length + " ids");
    }
    this.ids = ids;
    this.continuation = continuation;
    this.truncated = truncated;
  }

  int[] ids() {
    return ids;
  }

  int continuation() {
    return continuation;
  }

  boolean truncated() {
    return truncated;
  }

  /** Ids that the model reads: all but the last, which is only predicted. */
  int inputLength() {
    return ids.length - 1;
  }
}
