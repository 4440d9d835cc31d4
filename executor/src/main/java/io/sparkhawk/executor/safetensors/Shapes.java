package io.sparkhawk.executor.safetensors;

import java.util.Arrays;
import java.util.List;

/** Conversions between the two forms of a shape. */
final class Shapes {

  private Shapes() {}

  static List<Long> listOf(long[] shape) {
    return Arrays.stream(shape).boxed().toList();
  }

  static long[] arrayOf(List<Long> shape) {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }
}
