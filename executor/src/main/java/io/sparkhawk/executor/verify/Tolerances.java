package io.sparkhawk.executor.verify;

/** The largest relative error that passes, for each quantity. */
@FunctionalInterface
interface Tolerances {

  double of(String quantity);

  /** One tolerance for everything. */
  static Tolerances all(double tolerance) {
    return quantity -> tolerance;
  }

  /** References are stored in float32, whose rounding is 6e-8. */
  static Tolerances float64() {
    return all(1e-6);
  }

  /**
   * A few hundred rounded operations follow each other; after updates AdamW has divided small
   * gradients by their own size.
   */
  static Tolerances float32() {
    return quantity -> quantity.startsWith("trajectory.") ? 1e-3 : 1e-4;
  }
}
