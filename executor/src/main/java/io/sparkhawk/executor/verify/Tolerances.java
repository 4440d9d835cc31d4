package io.sparkhawk.executor.verify;

import io.sparkhawk.executor.tensor.ElementType;

/**
 * Largest relative errors that pass.
 *
 * @param values of activations, losses and gradients
 * @param trajectory of quantities after several updates, where AdamW divides small gradients by
 *     their own size
 */
public record Tolerances(double values, double trajectory) {

  /**
   * The defaults: the references are stored in float32, hence 1e-6 for float64; bfloat16 has 8 bits
   * of mantissa (unit roundoff 4e-3), and a few dozen rounded operations follow each other.
   */
  public static Tolerances of(ElementType type) {
    return switch (type) {
      case FLOAT64 -> new Tolerances(1e-6, 1e-6);
      case FLOAT32 -> new Tolerances(1e-4, 1e-3);
      case BFLOAT16 -> new Tolerances(5e-2, 5e-2);
    };
  }

  /** One tolerance for everything. */
  public static Tolerances all(double tolerance) {
    return new Tolerances(tolerance, tolerance);
  }
}
