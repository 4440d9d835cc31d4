package io.sparkhawk.executor.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import java.util.Optional;

/** The functions of NVIDIA's collective communication library (nccl.h), version 2.17 or newer. */
final class Nccl {

  static final int SUCCESS = 0;
  static final int IN_PROGRESS = 7;
  static final int ID_BYTES = 128;
  static final int FLOAT32 = 7;
  static final int BFLOAT16 = 9;
  private static final int SUM = 0;

  private static final NativeLibrary LIBRARY = CudaLibraries.require("nccl", "libnccl.so.2");

  static {
    Native.register(Nccl.class, LIBRARY);
  }

  private Nccl() {}

  /** ncclUniqueId, which the library takes by value. */
  @FieldOrder("internal")
  public static final class UniqueId extends Structure implements Structure.ByValue {
    public byte[] internal = new byte[ID_BYTES];
  }

  private static native int ncclGetVersion(IntByReference version);

  private static native int ncclGetUniqueId(Pointer id);

  private static native int ncclCommGetAsyncError(Pointer communicator, IntByReference status);

  private static native int ncclAllReduce(
      Pointer source,
      Pointer target,
      long count,
      int type,
      int operation,
      Pointer communicator,
      Pointer stream);

  private static native int ncclReduceScatter(
      Pointer source,
      Pointer target,
      long targetCount,
      int type,
      int operation,
      Pointer communicator,
      Pointer stream);

  private static native int ncclAllGather(
      Pointer source,
      Pointer target,
      long sourceCount,
      int type,
      Pointer communicator,
      Pointer stream);

  private static native int ncclCommAbort(Pointer communicator);

  private static native String ncclGetErrorString(int status);

  private static native String ncclGetLastError(Pointer communicator);

  /** Whether the library is there. */
  static boolean isPresent() {
    return CudaLibraries.find("nccl", "libnccl.so.2").isPresent();
  }

  /** Such as 22809 for 2.28.9; empty if the library does not say. */
  static Optional<Integer> version() {
    IntByReference version = new IntByReference();
    return ncclGetVersion(version) == SUCCESS ? Optional.of(version.getValue()) : Optional.empty();
  }

  /** Writes what the ranks of a new communicator find each other by; it listens from then on. */
  static int newId(Memory id) {
    return ncclGetUniqueId(id);
  }

  /**
   * Starts to join a communicator, on the current device; {@link #status} tells when that is done.
   *
   * @param communicator gets the communicator at once
   */
  static int join(PointerByReference communicator, int worldSize, byte[] id, int rank) {
    UniqueId value = new UniqueId();
    System.arraycopy(id, 0, value.internal, 0, ID_BYTES);
    try (Memory config = nonBlockingConfig()) {
      // A structure by value: direct mapping is for plain arguments.
      return LIBRARY
          .getFunction("ncclCommInitRankConfig")
          .invokeInt(new Object[] {communicator, worldSize, value, rank, config});
    }
  }

  /**
   * ncclConfig_t as version 2.17 laid it out, which newer ones accept: its size, a magic number,
   * the version, then settings, of which only "blocking" is not left to the library.
   */
  private static Memory nonBlockingConfig() {
    int undefined = Integer.MIN_VALUE;
    Memory config = new Memory(48);
    config.setLong(0, config.size());
    config.setInt(8, 0xcafebeef);
    config.setInt(12, 21700);
    config.setInt(16, 0); // blocking
    config.setInt(20, undefined); // cgaClusterSize
    config.setInt(24, undefined); // minCTAs
    config.setInt(28, undefined); // maxCTAs
    config.setPointer(32, Pointer.NULL); // netName
    config.setInt(40, undefined); // splitShare
    config.setInt(44, undefined); // padding, where newer versions have trafficClass
    return config;
  }

  /** Where the communicator stands: {@link #IN_PROGRESS}, {@link #SUCCESS} or an error. */
  static int status(Pointer communicator) {
    IntByReference status = new IntByReference();
    int failure = ncclCommGetAsyncError(communicator, status);
    return failure == SUCCESS ? status.getValue() : failure;
  }

  /** Queues the sum of elements over all ranks, in place. */
  static int sum(Pointer values, long count, int type, Pointer communicator, Pointer stream) {
    return ncclAllReduce(values, values, count, type, SUM, communicator, stream);
  }

  /**
   * Queues the sum of elements over all ranks, of which each gets a share, in place.
   *
   * @param own where this rank's share begins
   * @param count elements of a share
   */
  static int reduceScatter(
      Pointer values, Pointer own, long count, int type, Pointer communicator, Pointer stream) {
    return ncclReduceScatter(values, own, count, type, SUM, communicator, stream);
  }

  /** Queues that every rank gets the shares of all, in place; shares as above. */
  static int allGather(
      Pointer values, Pointer own, long count, int type, Pointer communicator, Pointer stream) {
    return ncclAllGather(own, values, count, type, communicator, stream);
  }

  /** Ends what the communicator does and frees it. */
  static void abort(Pointer communicator) {
    // Whatever it returns, the communicator must not be used again.
    ncclCommAbort(communicator);
  }

  /** What an error means, with what the library last said about it. */
  static String explain(int status, Pointer communicator) {
    String meaning = ncclGetErrorString(status);
    String last = communicator == null ? "" : ncclGetLastError(communicator);
    return last == null || last.isBlank() ? meaning : meaning + " (" + last.strip() + ")";
  }
}
