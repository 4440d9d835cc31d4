package io.sparkhawk.executor.safetensors;

import java.util.List;
import java.util.Objects;

/**
 * What a safetensors header says of one tensor.
 *
 * @param name name of the tensor, unique in its file
 * @param type element type
 * @param shape sizes of the dimensions, outermost first; empty for a scalar
 */
public record TensorInfo(String name, StoredType type, List<Long> shape) {

  /**
   * Checks that the shape is a possible one.
   *
   * @throws IllegalArgumentException if a size is negative or the bytes do not fit a long
   */
  public TensorInfo {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(type, "type");
    shape = List.copyOf(shape);
    byteSize(type, shape);
  }

  /** A tensor of the given element type and shape. */
  public static TensorInfo of(String name, StoredType type, long... shape) {
    return new TensorInfo(name, type, Shapes.listOf(shape));
  }

  /** Size of the tensor's data in bytes. */
  public long byteSize() {
    return byteSize(type, shape);
  }

  private static long byteSize(StoredType type, List<Long> shape) {
    try {
      long bytes = type.bytes();
      for (long size : shape) {
        if (size < 0) {
          throw new IllegalArgumentException("shape " + shape + " has a negative size");
        }
        bytes = Math.multiplyExact(bytes, size);
      }
      return bytes;
    } catch (ArithmeticException tooLarge) {
      throw new IllegalArgumentException(
          "shape " + shape + " of " + type + " is larger than 2^63 bytes", tooLarge);
    }
  }
}
