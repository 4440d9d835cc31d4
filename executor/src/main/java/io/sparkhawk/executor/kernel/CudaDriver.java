package io.sparkhawk.executor.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import io.sparkhawk.data.error.InfrastructureException;

/** The functions of the CUDA driver library that loading and launching kernels needs (cuda.h). */
final class CudaDriver {

  static final int CAPABILITY_MAJOR = 75; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
  static final int CAPABILITY_MINOR = 76;
  static final int MULTIPROCESSORS = 16;
  static final int SHARED_BYTES = 97; // CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
  private static final int MAX_DYNAMIC_SHARED =
      8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES

  static {
    try {
      Native.register(CudaDriver.class, NativeLibrary.getInstance("libcuda.so.1"));
    } catch (UnsatisfiedLinkError e) {
      throw new InfrastructureException(
          "the CUDA driver library libcuda.so.1 cannot be loaded; check the GPU driver", e);
    }
  }

  private CudaDriver() {}

  private static native int cuDeviceGet(IntByReference device, int ordinal);

  private static native int cuDeviceGetAttribute(IntByReference value, int attribute, int device);

  private static native int cuDevicePrimaryCtxRetain(PointerByReference context, int device);

  private static native int cuCtxSetCurrent(Pointer context);

  private static native int cuModuleLoadData(PointerByReference module, Pointer image);

  private static native int cuModuleGetFunction(
      PointerByReference function, Pointer module, String name);

  private static native int cuFuncSetAttribute(Pointer function, int attribute, int value);

  private static native int cuMemGetInfo_v2(LongByReference free, LongByReference total);

  private static native int cuGetErrorName(int error, PointerByReference name);

  private static native int cuLaunchKernel(
      Pointer function,
      int gridX,
      int gridY,
      int gridZ,
      int blockX,
      int blockY,
      int blockZ,
      int sharedBytes,
      Pointer stream,
      Pointer parameters,
      Pointer extra);

  /** An attribute of the device with this number. */
  static int attribute(int attribute, int ordinal) {
    IntByReference value = new IntByReference();
    check(cuDeviceGetAttribute(value, attribute, device(ordinal)), "cuDeviceGetAttribute");
    return value.getValue();
  }

  private static int device(int ordinal) {
    IntByReference device = new IntByReference();
    check(cuDeviceGet(device, ordinal), "cuDeviceGet");
    return device.getValue();
  }

  /** The context that libtorch works in on this device, kept until the process ends. */
  static Pointer primaryContext(int ordinal) {
    PointerByReference context = new PointerByReference();
    check(cuDevicePrimaryCtxRetain(context, device(ordinal)), "cuDevicePrimaryCtxRetain");
    return context.getValue();
  }

  /** Makes the calling thread's calls go to {@code context}. */
  static void use(Pointer context) {
    check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  /** Bytes of the current context's device that are not free. */
  static long usedMemory() {
    LongByReference free = new LongByReference();
    LongByReference total = memory(free);
    return total.getValue() - free.getValue();
  }

  /** Bytes of the current context's device. */
  static long totalMemory() {
    return memory(new LongByReference()).getValue();
  }

  private static LongByReference memory(LongByReference free) {
    LongByReference total = new LongByReference();
    check(cuMemGetInfo_v2(free, total), "cuMemGetInfo");
    return total;
  }

  /** Loads compiled code into the current context, where it stays. */
  static Pointer load(byte[] image) {
    try (Memory memory = new Memory(image.length)) {
      memory.write(0, image, 0, image.length);
      PointerByReference module = new PointerByReference();
      check(cuModuleLoadData(module, memory), "cuModuleLoadData");
      return module.getValue();
    }
  }

  /**
   * A kernel of a module.
   *
   * @param sharedBytes dynamic shared memory that its launches will ask for
   */
  static Pointer function(Pointer module, String name, int sharedBytes) {
    PointerByReference function = new PointerByReference();
    check(cuModuleGetFunction(function, module, name), "cuModuleGetFunction " + name);
    check(
        cuFuncSetAttribute(function.getValue(), MAX_DYNAMIC_SHARED, sharedBytes),
        "cuFuncSetAttribute " + name);
    return function.getValue();
  }

  /** Starts a kernel; {@code parameters} points to the addresses of its arguments. */
  static void launch(
      String name,
      Pointer function,
      Grid grid,
      int threads,
      int sharedBytes,
      long stream,
      Pointer parameters) {
    check(
        cuLaunchKernel(
            function,
            grid.x(),
            grid.y(),
            grid.z(),
            threads,
            1,
            1,
            sharedBytes,
            stream == 0 ? Pointer.NULL : new Pointer(stream),
            parameters,
            Pointer.NULL),
        name);
  }

  private static void check(int status, String what) {
    if (status != 0) {
      PointerByReference name = new PointerByReference();
      String reason =
          cuGetErrorName(status, name) == 0 ? name.getValue().getString(0) : "error " + status;
      throw new InfrastructureException("CUDA failed in " + what + ": " + reason);
    }
  }
}
