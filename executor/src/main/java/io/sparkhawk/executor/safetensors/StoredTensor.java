package io.sparkhawk.executor.safetensors;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/** One tensor with its data, as it lies in a safetensors file: little endian, row-major. */
public final class StoredTensor {

  private final TensorInfo info;
  private final ByteBuffer data;

  private StoredTensor(TensorInfo info, ByteBuffer data) {
    this.info = info;
    this.data = data;
  }

  /**
   * A tensor over the bytes between the position and the limit of {@code data}, which is not
   * copied: it must not change while the tensor is used.
   *
   * @throws IllegalArgumentException if the number of bytes is not that of the type and shape
   */
  public static StoredTensor of(TensorInfo info, ByteBuffer data) {
    Objects.requireNonNull(info, "info");
    if (data.remaining() != info.byteSize()) {
      throw new IllegalArgumentException(
          "tensor %s of type %s and shape %s has %d bytes, but %d were given"
              .formatted(
                  info.name(), info.type(), info.shape(), info.byteSize(), data.remaining()));
    }
    return new StoredTensor(info, data.slice().asReadOnlyBuffer());
  }

  /** As {@link #of(TensorInfo, ByteBuffer)}, from the parts of the description. */
  public static StoredTensor of(String name, StoredType type, long[] shape, ByteBuffer data) {
    return of(TensorInfo.of(name, type, shape), data);
  }

  /** Name, type and shape. */
  public TensorInfo info() {
    return info;
  }

  /** Name of the tensor. */
  public String name() {
    return info.name();
  }

  /** Element type. */
  public StoredType type() {
    return info.type();
  }

  /** Sizes of the dimensions, outermost first; a fresh array. */
  public long[] shape() {
    return Shapes.arrayOf(info.shape());
  }

  /** The data: a fresh read-only, little-endian view whose position is 0. */
  public ByteBuffer data() {
    return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public String toString() {
    return info.toString();
  }
}
