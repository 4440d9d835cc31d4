package io.sparkhawk.executor.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.nio.file.Path;
import java.util.Map;

/** What code that works on tensors' memory by itself needs to know of libtorch on a GPU. */
public final class DeviceMemory {

  private static final int RTLD_LAZY = 1;

  private DeviceMemory() {}

  /** libtorch's functions for CUDA, which only its CUDA builds have. */
  private static final class Cuda {

    static {
      LibTorch.load();
      Native.register(
          Cuda.class,
          NativeLibrary.getInstance(
              libraryFolder().resolve("libtorch_cuda.so").toString(),
              Map.of(Library.OPTION_OPEN_FLAGS, RTLD_LAZY)));
    }

    private Cuda() {}

    static native int aoti_torch_get_current_cuda_stream(int device, PointerByReference stream);
  }

  /** The folder of libtorch's libraries. */
  public static Path libraryFolder() {
    LibTorch.load();
    return Path.of(LibUtils.getLibtorchPath());
  }

  /** The device's address of a contiguous tensor's first element. */
  public static long address(NDArray tensor) {
    return Pointer.nativeValue(LibTorch.data(tensor));
  }

  /** The CUDA stream (CUstream) that libtorch works on in the calling thread. */
  public static long currentStream(int device) {
    PointerByReference stream = new PointerByReference();
    if (Cuda.aoti_torch_get_current_cuda_stream(device, stream) != 0) {
      throw new IllegalStateException("libtorch has no CUDA stream for device " + device);
    }
    return Pointer.nativeValue(stream.getValue());
  }
}
