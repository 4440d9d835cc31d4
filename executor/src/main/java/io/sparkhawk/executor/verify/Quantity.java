package io.sparkhawk.executor.verify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.Operators;
import java.util.Arrays;
import java.util.stream.Collectors;

/** One quantity of a case, as computed or as expected. */
final class Quantity {

  private final String name;
  private final Shape shape;
  private final double[] values;

  /**
   * @param name its name in the case
   * @param shape its dimensions, none for a number
   * @param values its elements in row-major order
   */
  Quantity(String name, Shape shape, double... values) {
    this.name = name;
    this.shape = shape;
    this.values = values;
  }

  static Quantity tensor(String name, NDArray tensor) {
    return new Quantity(name, tensor.getShape(), Operators.toDoubles(tensor));
  }

  static Quantity number(String name, double value) {
    return new Quantity(name, new Shape(), value);
  }

  String name() {
    return name;
  }

  Shape shape() {
    return shape;
  }

  double[] values() {
    return values;
  }

  /** The shape as a table shows it: (2, 48, 64). */
  String shapeText() {
    return Arrays.stream(shape.getShape())
        .mapToObj(String::valueOf)
        .collect(Collectors.joining(", ", "(", ")"));
  }
}
