package io.sparkhawk.executor.tensor;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import io.sparkhawk.data.error.InfrastructureException;
import java.nio.file.Path;
import java.util.Map;

/**
 * The C functions that libtorch exports for code built apart from it ("LibTorch Stable ABI",
 * torch/csrc/inductor/aoti_torch/c/shim.h). The native handle of a DJL array is an {@code
 * at::Tensor*}, which is what these functions call a tensor handle.
 */
final class LibTorch {

  private static final int RTLD_LAZY = 1;
  private static final int INT32 = 3;
  private static final int INT64 = 4;

  static {
    // Engine.getInstance loads libtorch and its JNI library; the path is known only afterwards.
    Engine.getInstance();
    String path = Path.of(LibUtils.getLibtorchPath(), "libtorch_cpu.so").toString();
    try {
      Native.register(
          NativeLibrary.getInstance(path, Map.of(Library.OPTION_OPEN_FLAGS, RTLD_LAZY)));
    } catch (UnsatisfiedLinkError e) {
      throw new InfrastructureException(
          "libtorch at " + path + " lacks the stable C functions; version 2.7 or newer is needed",
          e);
    }
  }

  private LibTorch() {}

  /** Loads libtorch and its JNI library, if nothing has yet. */
  static void load() {}

  /**
   * Runs an operator on {@code stack} in place: arguments first, then results. Non-zero: failed.
   */
  static native int aoti_torch_call_dispatcher(Pointer name, Pointer overload, Pointer stack);

  static native int aoti_torch_new_tensor_handle(Pointer tensor, PointerByReference copy);

  static native int aoti_torch_get_data_ptr(Pointer tensor, PointerByReference data);

  static native int aoti_torch_get_dtype(Pointer tensor, IntByReference code);

  /** C's allocator: the dispatcher frees what an optional argument points to. */
  static Pointer malloc(long bytes) {
    return new Pointer(Native.malloc(bytes));
  }

  static Pointer handle(NDArray tensor) {
    return new Pointer(((PtNDArray) tensor).getHandle());
  }

  /** A handle of its own on the same tensor, as call arguments are consumed. */
  static long newHandle(NDArray tensor) {
    PointerByReference copy = new PointerByReference();
    check(aoti_torch_new_tensor_handle(handle(tensor), copy), "new_tensor_handle");
    return Pointer.nativeValue(copy.getValue());
  }

  /** Address of the first element. */
  static Pointer data(NDArray tensor) {
    PointerByReference data = new PointerByReference();
    check(aoti_torch_get_data_ptr(handle(tensor), data), "get_data_ptr");
    return data.getValue();
  }

  static int scalarType(NDArray tensor) {
    IntByReference code = new IntByReference();
    check(aoti_torch_get_dtype(handle(tensor), code), "get_dtype");
    return code.getValue();
  }

  static boolean isInteger(NDArray tensor) {
    int code = scalarType(tensor);
    return code == INT32 || code == INT64;
  }

  private static void check(int status, String function) {
    if (status != 0) {
      throw new IllegalStateException("libtorch failed in " + function + " (reason on stderr)");
    }
  }
}
