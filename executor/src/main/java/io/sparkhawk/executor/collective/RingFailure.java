package io.sparkhawk.executor.collective;

/**
 * Why a ring broke, and which rank found out: what a rank tells its neighbours when it gives up.
 */
final class RingFailure extends Exception {

  private static final long serialVersionUID = 1L;

  private final int origin;

  /**
   * @param origin the rank that found the failure
   * @param reason a clause without a full stop
   */
  RingFailure(int origin, String reason, Throwable cause) {
    super(reason, cause);
    this.origin = origin;
  }

  int origin() {
    return origin;
  }

  String reason() {
    return getMessage();
  }
}
