package io.sparkhawk.executor.tensor;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Moves elements between tensors and bytes in native order. */
public final class HostMemory {

  /** Elements of a part: 1 GiB of float32. */
  private static final long PART = 1L << 28;

  private HostMemory() {}

  /** The formats that a file may hold floating-point elements in. */
  public enum Format {
    FLOAT64(8),
    FLOAT32(4),
    FLOAT16(2),
    BFLOAT16(2);

    private final int bytes;

    Format(int bytes) {
      this.bytes = bytes;
    }
  }

  /**
   * A tensor with a copy of {@code bytes}, converted to {@code type}.
   *
   * @param bytes direct, in native order, exactly the elements of {@code shape}
   */
  public static NDArray read(
      NDManager manager, ByteBuffer bytes, Format format, ElementType type, long... shape) {
    Shape dimensions = new Shape(shape);
    if (bytes.remaining() != dimensions.size() * format.bytes || !bytes.isDirect()) {
      throw new IllegalArgumentException(
          bytes.remaining() + " bytes are not a " + format + " tensor of shape " + dimensions);
    }
    DataType stored =
        switch (format) {
          case FLOAT64 -> DataType.FLOAT64;
          case FLOAT32 -> DataType.FLOAT32;
          // DJL knows no bfloat16: the same two bytes are created as float16 and reinterpreted.
          case FLOAT16, BFLOAT16 -> DataType.FLOAT16;
        };
    try (TensorScope scope = TensorScope.open()) {
      NDArray raw = manager.create(bytes.slice().order(bytes.order()), dimensions, stored);
      NDArray typed = format == Format.BFLOAT16 ? Operators.asBfloat16(raw) : raw;
      return TensorScope.detach(Operators.convertedCopy(typed, type));
    }
  }

  /**
   * A tensor of {@code values}, converted to {@code type}, in memory of libtorch's own: the tensors
   * that DJL makes from Java arrays borrow memory which is gone when their Java object is, whoever
   * else refers to it.
   */
  public static NDArray tensor(NDManager manager, float[] values, ElementType type, long... shape) {
    try (TensorScope scope = TensorScope.open()) {
      NDArray borrowed = manager.create(values, new Shape(shape));
      return TensorScope.detach(Operators.convertedCopy(borrowed, type));
    }
  }

  /** A float64 tensor of one dimension, in memory of libtorch's own. */
  public static NDArray float64(NDManager manager, double[] values) {
    try (TensorScope scope = TensorScope.open()) {
      NDArray borrowed = manager.create(values);
      return TensorScope.detach(Operators.convertedCopy(borrowed, ElementType.FLOAT64));
    }
  }

  /**
   * The memory of {@code count} elements of a contiguous CPU tensor: no copy, valid while the
   * tensor lives.
   */
  public static ByteBuffer view(NDArray tensor, long first, long count) {
    if (!isHost(tensor) || first + count > tensor.size()) {
      throw new IllegalArgumentException(
          "no host memory of elements "
              + first
              + " to "
              + (first + count)
              + " of "
              + tensor.getShape()
              + " on "
              + tensor.getDevice());
    }
    int bytes = ElementType.of(tensor).bytes();
    return LibTorch.data(tensor)
        .getByteBuffer(first * bytes, Math.multiplyExact(count, (long) bytes))
        .order(ByteOrder.nativeOrder());
  }

  /**
   * Some elements of a tensor.
   *
   * @param first the first of them
   * @param bytes in native order
   */
  public record Part(long first, ByteBuffer bytes) {}

  /** Gives a run of elements of a contiguous tensor in host memory, in order. */
  @FunctionalInterface
  public interface Reader {
    List<Part> parts(NDArray tensor, long first, long count);
  }

  /**
   * A run of elements of a contiguous tensor in host memory, in parts that a buffer can hold: the
   * tensor's own memory, or a copy of it if it lives on a device. A copy belongs to the innermost
   * scope.
   */
  public static List<Part> parts(NDArray tensor, long first, long count) {
    boolean own = isHost(tensor);
    NDArray host =
        own ? tensor : Operators.narrow(tensor, 0, first, count).toDevice(Device.cpu(), true);
    List<Part> parts = new ArrayList<>();
    for (long at = first; at < first + count; at += PART) {
      long some = Math.min(PART, first + count - at);
      parts.add(new Part(at, view(host, own ? at : at - first, some)));
    }
    return parts;
  }

  /**
   * Lets {@code writer} write all elements of contiguous tensors as {@code written}, whatever their
   * own type and device.
   *
   * @param writer gets the parts of each tensor, counted in row-major order
   */
  public static void fill(
      List<NDArray> tensors, ElementType written, Consumer<List<List<Part>>> writer) {
    try (TensorScope scope = TensorScope.open();
        NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
      List<NDArray> hosts =
          tensors.stream().map(t -> takes(t, written) ? t : staging(manager, t, written)).toList();
      writer.accept(
          hosts.stream().map(host -> parts(Operators.reshape(host, -1), 0, host.size())).toList());
      for (int i = 0; i < tensors.size(); i++) {
        if (hosts.get(i) != tensors.get(i)) {
          Operators.copy(hosts.get(i), tensors.get(i));
        }
      }
    }
  }

  private static boolean takes(NDArray tensor, ElementType written) {
    return isHost(tensor) && ElementType.of(tensor) == written;
  }

  private static NDArray staging(NDManager manager, NDArray like, ElementType type) {
    return Operators.empty(manager, type, like.getShape().getShape());
  }

  private static boolean isHost(NDArray tensor) {
    return tensor.getDevice().equals(Device.cpu());
  }

  /** A copy of a tensor's elements as float32, wherever it lives, in native order. */
  public static ByteBuffer copyFloat32(NDArray tensor) {
    try (TensorScope scope = TensorScope.open()) {
      NDArray host = Operators.convert(tensor, ElementType.FLOAT32).toDevice(Device.cpu(), false);
      ByteBuffer elements = view(Operators.contiguous(host), 0, tensor.size());
      ByteBuffer copy = ByteBuffer.allocateDirect(elements.remaining());
      return copy.put(elements).flip().order(ByteOrder.nativeOrder());
    }
  }

  /** A tensor's elements, wherever it lives. */
  public static float[] floats(NDArray tensor) {
    try (TensorScope scope = TensorScope.open()) {
      NDArray host = Operators.convert(tensor, ElementType.FLOAT32).toDevice(Device.cpu(), false);
      float[] elements = new float[Math.toIntExact(tensor.size())];
      view(Operators.contiguous(host), 0, tensor.size()).asFloatBuffer().get(elements);
      return elements;
    }
  }
}
