package io.sparkhawk.executor.tensor;

import ai.djl.ndarray.NDArray;

/** The floating-point types that models are computed in. */
public enum ElementType {
  FLOAT32(6, 4),
  FLOAT64(7, 8),
  BFLOAT16(15, 2);

  /** The code of c10::ScalarType (c10/core/ScalarType.h). */
  private final int code;

  private final int bytes;

  ElementType(int code, int bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  int code() {
    return code;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /**
   * The type of sums, norms, losses and master weights when models compute in this type: float32,
   * or float64 for float64.
   */
  public ElementType accumulationType() {
    return this == FLOAT64 ? FLOAT64 : FLOAT32;
  }

  /**
   * The type of a tensor's elements. DJL itself reports bfloat16 as unknown.
   *
   * @throws IllegalArgumentException if the tensor holds integers, booleans or another type
   */
  public static ElementType of(NDArray tensor) {
    int code = LibTorch.scalarType(tensor);
    for (ElementType type : values()) {
      if (type.code == code) {
        return type;
      }
    }
    throw new IllegalArgumentException(
        "expected a float32, float64 or bfloat16 tensor, found " + describe(code));
  }

  static String describe(int code) {
    return switch (code) {
      case 0 -> "uint8";
      case 1 -> "int8";
      case 2 -> "int16";
      case 3 -> "int32";
      case 4 -> "int64";
      case 5 -> "float16";
      case 6 -> "float32";
      case 7 -> "float64";
      case 11 -> "bool";
      case 15 -> "bfloat16";
      default -> "element type " + code;
    };
  }
}
