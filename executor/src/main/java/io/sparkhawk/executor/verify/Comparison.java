package io.sparkhawk.executor.verify;

/**
 * One quantity as this program computed it, against the reference's values.
 *
 * @param quantity its name in the case
 * @param shape its shape, such as (2, 48, 64)
 * @param relativeError ||ours - reference|| / ||reference|| (the norm of ours where the reference
 *     is 0)
 * @param largestError largest difference of one element, over the largest element of the reference
 * @param tolerance largest relative error that passes; a single element may be off by {@link
 *     #ONE_ELEMENT} times as much
 */
public record Comparison(
    String quantity, String shape, double relativeError, double largestError, double tolerance) {

  /**
   * How much more than the tolerance the largest error may be. Norms hide one wrong element among
   * many; this finds it where the tolerance is wide.
   */
  static final double ONE_ELEMENT = 2;

  /** Compares element by element; a NaN never passes, nor does another shape. */
  static Comparison of(Quantity ours, Quantity reference, double tolerance) {
    if (!ours.shape().equals(reference.shape())) {
      String shapes = reference.shapeText() + ", ours " + ours.shapeText();
      return impossible(reference.name(), shapes, tolerance);
    }
    double squaredDifference = 0;
    double squaredReference = 0;
    double largestDifference = 0;
    double largestReference = 0;
    for (int i = 0; i < ours.values().length; i++) {
      double expected = reference.values()[i];
      double difference = ours.values()[i] - expected;
      squaredDifference += difference * difference;
      squaredReference += expected * expected;
      largestDifference = Math.max(largestDifference, Math.abs(difference));
      largestReference = Math.max(largestReference, Math.abs(expected));
    }
    double norm = Math.sqrt(squaredReference);
    return new Comparison(
        reference.name(),
        reference.shapeText(),
        Math.sqrt(squaredDifference) / (norm == 0 ? 1 : norm),
        largestDifference / (largestReference == 0 ? 1 : largestReference),
        tolerance);
  }

  /** What never passes: this program computes another shape, or nothing of that name. */
  static Comparison impossible(String quantity, String shape, double tolerance) {
    return new Comparison(
        quantity, shape, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, tolerance);
  }

  /**
   * Whether both errors are within their limits. After updates only the relative error counts:
   * AdamW divides a gradient by its own size, so that a rounding error decides where an element
   * whose gradient is next to 0 goes.
   */
  public boolean passes() {
    boolean updated = quantity.startsWith("trajectory.");
    return relativeError <= tolerance && (updated || largestError <= ONE_ELEMENT * tolerance);
  }
}
