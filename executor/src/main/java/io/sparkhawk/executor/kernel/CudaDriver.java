package io.sparkhawk.executor.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.FloatByReference;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import io.sparkhawk.data.error.InfrastructureException;
import java.util.HexFormat;

/** The functions of the CUDA driver library that kernels, streams and events need (cuda.h). */
final class CudaDriver {

  static final int CAPABILITY_MAJOR = 75; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
  static final int CAPABILITY_MINOR = 76;
  static final int MULTIPROCESSORS = 16;
  static final int SHARED_BYTES = 97; // CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
  private static final int MAX_DYNAMIC_SHARED =
      8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
  private static final int NOT_READY = 600; // CUDA_ERROR_NOT_READY
  private static final int NON_BLOCKING = 1; // CU_STREAM_NON_BLOCKING
  private static final int UUID_BYTES = 16;

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

  private static native int cuDeviceGetUuid_v2(Pointer uuid, int device);

  private static native int cuCtxGetStreamPriorityRange(
      IntByReference least, IntByReference greatest);

  private static native int cuStreamCreateWithPriority(
      PointerByReference stream, int flags, int priority);

  private static native int cuStreamDestroy_v2(Pointer stream);

  private static native int cuMemHostAlloc(PointerByReference memory, long bytes, int flags);

  private static native int cuMemFreeHost(Pointer memory);

  private static native int cuMemcpyHtoDAsync_v2(
      Pointer device, Pointer host, long bytes, Pointer stream);

  private static native int cuMemcpyDtoHAsync_v2(
      Pointer host, Pointer device, long bytes, Pointer stream);

  private static native int cuStreamWaitEvent(Pointer stream, Pointer event, int flags);

  private static native int cuEventCreate(PointerByReference event, int flags);

  private static native int cuEventRecord(Pointer event, Pointer stream);

  private static native int cuEventQuery(Pointer event);

  private static native int cuEventElapsedTime(FloatByReference millis, Pointer from, Pointer to);

  private static native int cuEventDestroy_v2(Pointer event);

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

  /** The identity of a device, in hexadecimal. */
  static String uuid(int ordinal) {
    try (Memory uuid = new Memory(UUID_BYTES)) {
      check(cuDeviceGetUuid_v2(uuid, device(ordinal)), "cuDeviceGetUuid");
      return HexFormat.of().formatHex(uuid.getByteArray(0, UUID_BYTES));
    }
  }

  /** A stream of the current context whose kernels go before those of other streams. */
  static Pointer urgentStream() {
    IntByReference least = new IntByReference();
    IntByReference greatest = new IntByReference();
    check(cuCtxGetStreamPriorityRange(least, greatest), "cuCtxGetStreamPriorityRange");
    PointerByReference stream = new PointerByReference();
    check(
        cuStreamCreateWithPriority(stream, NON_BLOCKING, greatest.getValue()),
        "cuStreamCreateWithPriority");
    return stream.getValue();
  }

  /** An event of the current context, which remembers when it was reached. */
  static Pointer event() {
    PointerByReference event = new PointerByReference();
    check(cuEventCreate(event, 0), "cuEventCreate");
    return event.getValue();
  }

  /** Lets {@code event} stand for all that is queued on {@code stream} now. */
  static void record(Pointer event, Pointer stream) {
    check(cuEventRecord(event, stream), "cuEventRecord");
  }

  /** Lets what is queued on {@code stream} from now on wait for {@code event} as last recorded. */
  static void waitFor(Pointer stream, Pointer event) {
    check(cuStreamWaitEvent(stream, event, 0), "cuStreamWaitEvent");
  }

  /** Whether all that {@code event} stands for has been done. */
  static boolean isReached(Pointer event) {
    int status = cuEventQuery(event);
    if (status != NOT_READY) {
      check(status, "cuEventQuery");
    }
    return status != NOT_READY;
  }

  /** Seconds between two events that were reached. */
  static double secondsBetween(Pointer from, Pointer to) {
    FloatByReference millis = new FloatByReference();
    check(cuEventElapsedTime(millis, from, to), "cuEventElapsedTime");
    return millis.getValue() / 1e3;
  }

  /** Page-locked host memory. */
  static Pointer hostMemory(long bytes) {
    PointerByReference memory = new PointerByReference();
    check(cuMemHostAlloc(memory, bytes, 0), "cuMemHostAlloc");
    return memory.getValue();
  }

  /** Gives page-locked memory back; a failure leaves nothing to be done. */
  static void freeHostMemory(Pointer memory) {
    cuMemFreeHost(memory);
  }

  /** Queues a copy from page-locked host memory to the device. */
  static void copyToDevice(long device, Pointer host, long bytes, Pointer stream) {
    check(cuMemcpyHtoDAsync_v2(new Pointer(device), host, bytes, stream), "cuMemcpyHtoDAsync");
  }

  /** Queues a copy from the device to page-locked host memory. */
  static void copyToHost(Pointer host, long device, long bytes, Pointer stream) {
    check(cuMemcpyDtoHAsync_v2(host, new Pointer(device), bytes, stream), "cuMemcpyDtoHAsync");
  }

  /** Gives an event back; a failure leaves nothing to be done. */
  static void destroyEvent(Pointer event) {
    cuEventDestroy_v2(event);
  }

  /** Gives a stream back when it is empty; a failure leaves nothing to be done. */
  static void destroyStream(Pointer stream) {
    cuStreamDestroy_v2(stream);
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
