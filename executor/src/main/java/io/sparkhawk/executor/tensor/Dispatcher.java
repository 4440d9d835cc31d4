package io.sparkhawk.executor.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;

/**
 * One ATen operator, callable by its schema name through libtorch's C dispatcher.
 *
 * <p>Every argument of the schema must be passed in order, defaults too, as: {@link NDArray} for
 * Tensor, {@link Optional} for Tensor? or float?, {@link Long} or {@link Integer} for int, SymInt
 * and ScalarType, {@link Double} for float, {@link Boolean} for bool. The reason of a native
 * failure is printed by libtorch on standard error and cannot be read back, so callers check shapes
 * and types first.
 */
final class Dispatcher {

  private static final int SLOT = Long.BYTES;
  private static final int MAX_ARGUMENTS = 16;

  /** Argument blocks are reused: one per thread, as calls on one thread do not nest. */
  private static final ThreadLocal<Memory> STACK =
      ThreadLocal.withInitial(() -> new Memory((long) SLOT * MAX_ARGUMENTS));

  private final String schemaName;
  private final Memory name;
  private final Memory overload;

  private Dispatcher(String name, String overload) {
    this.schemaName = overload.isEmpty() ? name : name + "." + overload;
    this.name = cString(name);
    this.overload = cString(overload);
  }

  /** The operator {@code name}, such as "aten::linear"; {@code overload} is "" for most. */
  static Dispatcher operator(String name, String overload) {
    return new Dispatcher(name, overload);
  }

  /** An optional argument: empty, or a tensor or float64. */
  record Optional(Object value) {
    static final Optional EMPTY = new Optional(null);

    static Optional of(NDArray tensor) {
      return new Optional(tensor);
    }
  }

  /** Calls the operator; its one result belongs to the manager of the first tensor argument. */
  NDArray call(Object... arguments) {
    PtNDArray owner = null;
    Memory stack = STACK.get();
    for (int i = 0; i < arguments.length; i++) {
      if (owner == null && arguments[i] instanceof PtNDArray tensor) {
        owner = tensor;
      }
      stack.setLong((long) i * SLOT, encode(arguments[i]));
    }
    if (owner == null) {
      throw new IllegalArgumentException(schemaName + " needs a tensor argument");
    }
    if (LibTorch.aoti_torch_call_dispatcher(name, overload, stack) != 0) {
      throw new IllegalStateException(
          schemaName + " failed on " + describe(arguments) + " (libtorch's reason is on stderr)");
    }
    return new PtNDArray(owner.getManager(), stack.getLong(0));
  }

  private static long encode(Object argument) {
    if (argument instanceof NDArray tensor) {
      return LibTorch.newHandle(tensor);
    } else if (argument instanceof Number number) {
      return number instanceof Double d ? Double.doubleToRawLongBits(d) : number.longValue();
    } else if (argument instanceof Boolean flag) {
      return flag ? 1 : 0;
    } else if (argument instanceof Optional optional) {
      return optional.value() == null ? 0 : encodePresent(optional.value());
    }
    throw new IllegalArgumentException("cannot pass a " + argument.getClass() + " to an operator");
  }

  private static long encodePresent(Object value) {
    Pointer cell = LibTorch.malloc(SLOT);
    cell.setLong(0, encode(value));
    return Pointer.nativeValue(cell);
  }

  private static String describe(Object[] arguments) {
    StringBuilder text = new StringBuilder();
    for (Object argument : arguments) {
      Object shown = argument instanceof Optional optional ? optional.value() : argument;
      text.append(text.isEmpty() ? "" : ", ");
      text.append(shown instanceof NDArray tensor ? tensor.getShape().toString() : shown);
    }
    return text.toString();
  }

  private static Memory cString(String text) {
    byte[] bytes = (text + "\0").getBytes(StandardCharsets.UTF_8);
    Memory memory = new Memory(bytes.length);
    memory.write(0, bytes, 0, bytes.length);
    return memory;
  }
}
