package io.sparkhawk.executor.collective;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** What all collectives ask of the buffers that they are given. */
final class Buffers {

  private Buffers() {}

  /** A view of the float32 values between position and limit, which stay as they are. */
  static ByteBuffer floats(ByteBuffer values) {
    if (!values.isDirect() || values.isReadOnly() || values.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException(
          "values must be a direct, writable buffer in native byte order, but it is %s, %s"
              .formatted(values, values.order()));
    }
    if (values.remaining() % Float.BYTES != 0) {
      throw new IllegalArgumentException(
          "values has %d bytes, which is no whole number of float32 values"
              .formatted(values.remaining()));
    }
    return values.slice().order(ByteOrder.nativeOrder());
  }

  static void checkRoot(int root, int worldSize) {
    if (root < 0 || root >= worldSize) {
      throw new IllegalArgumentException(
          "root %d is not a rank of a world of %d".formatted(root, worldSize));
    }
  }
}
