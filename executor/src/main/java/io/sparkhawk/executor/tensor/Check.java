package io.sparkhawk.executor.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;

/** Refuses wrong operator arguments in Java, where the message can name them. */
final class Check {

  private Check() {}

  static void require(
      boolean holds, String operator, String argument, NDArray tensor, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(
          operator
              + ": "
              + argument
              + " has shape "
              + tensor.getShape()
              + ", expected "
              + expected);
    }
  }

  static void rank(String operator, String argument, NDArray tensor, int dimensions) {
    if (tensor.getShape().dimension() != dimensions) {
      require(false, operator, argument, tensor, dimensions + " dimensions");
    }
  }

  static void shape(String operator, String argument, NDArray tensor, long... sizes) {
    Shape expected = new Shape(sizes);
    if (!tensor.getShape().equals(expected)) {
      require(false, operator, argument, tensor, expected.toString());
    }
  }

  static void sameShape(String operator, String argument, NDArray tensor, NDArray other) {
    if (!tensor.getShape().equals(other.getShape())) {
      require(false, operator, argument, tensor, other.getShape().toString());
    }
  }

  /** {@code dimension} counts from the end where it is negative. */
  static void dimension(
      String operator, String argument, NDArray tensor, int dimension, long size) {
    Shape shape = tensor.getShape();
    if (shape.dimension() == 0 || shape.get(index(tensor, dimension)) != size) {
      require(false, operator, argument, tensor, size + " in dimension " + dimension);
    }
  }

  static int index(NDArray tensor, int dimension) {
    return dimension < 0 ? tensor.getShape().dimension() + dimension : dimension;
  }

  static void sameType(String operator, String argument, NDArray tensor, NDArray other) {
    int found = LibTorch.scalarType(tensor);
    int expected = LibTorch.scalarType(other);
    if (found != expected) {
      throw new IllegalArgumentException(
          String.format(
              "%s: %s is %s, expected %s as the other arguments",
              operator, argument, ElementType.describe(found), ElementType.describe(expected)));
    }
  }

  static void integers(String operator, String argument, NDArray tensor) {
    if (!LibTorch.isInteger(tensor)) {
      throw new IllegalArgumentException(
          String.format(
              "%s: %s is %s, expected int32 or int64",
              operator, argument, ElementType.describe(LibTorch.scalarType(tensor))));
    }
  }
}
