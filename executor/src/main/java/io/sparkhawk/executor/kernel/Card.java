package io.sparkhawk.executor.kernel;

import com.sun.jna.Pointer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A CUDA device with the kernels compiled for it. */
final class Card {

  /** Tensor cores take bfloat16 from compute capability 8.0 on. */
  private static final int OLDEST = 80;

  /** More than any of our kernels declares beside its dynamic shared memory, in bytes. */
  private static final int DECLARED_SHARED = 2048;

  private static final Map<Integer, Card> CARDS = new ConcurrentHashMap<>();

  private final int ordinal;
  private final int capability;
  private final int multiprocessors;
  private final int sharedBytes;
  private final Pointer context;
  private final Map<String, Pointer> modules = new ConcurrentHashMap<>();
  private final Map<String, Kernel> kernels = new ConcurrentHashMap<>();

  private Card(int ordinal) {
    this.ordinal = ordinal;
    this.capability =
        10 * CudaDriver.attribute(CudaDriver.CAPABILITY_MAJOR, ordinal)
            + CudaDriver.attribute(CudaDriver.CAPABILITY_MINOR, ordinal);
    this.multiprocessors = CudaDriver.attribute(CudaDriver.MULTIPROCESSORS, ordinal);
    this.sharedBytes = CudaDriver.attribute(CudaDriver.SHARED_BYTES, ordinal);
    this.context = CudaDriver.primaryContext(ordinal);
  }

  /** The device with this number; libtorch must have used it before. */
  static Card of(int ordinal) {
    return CARDS.computeIfAbsent(ordinal, Card::new);
  }

  int ordinal() {
    return ordinal;
  }

  int multiprocessors() {
    return multiprocessors;
  }

  /** Whether a block of threads can have this much dynamic shared memory. */
  boolean hasShared(int dynamicBytes) {
    return dynamicBytes + DECLARED_SHARED <= sharedBytes;
  }

  /** Whether our kernels run on it. */
  boolean isSupported() {
    return capability >= OLDEST;
  }

  /** Bytes of the device that are not free. */
  long usedMemory() {
    use();
    return CudaDriver.usedMemory();
  }

  /** Bytes of the device. */
  long totalMemory() {
    use();
    return CudaDriver.totalMemory();
  }

  /** Makes the calling thread's calls go to this device, until libtorch works on another. */
  void use() {
    CudaDriver.use(context);
  }

  /** What tells this device from all others of all hosts. */
  String uuid() {
    return CudaDriver.uuid(ordinal);
  }

  /**
   * A kernel, compiled when it is first asked for.
   *
   * @param source name of the source among our resources, without ".cu"
   * @param name of the function
   * @param sharedBytes dynamic shared memory of a launch
   * @param definitions what the source is compiled for, such as HEAD=64
   */
  Kernel kernel(String source, String name, int sharedBytes, String... definitions) {
    String variant = source + " " + String.join(" ", definitions);
    return kernels.computeIfAbsent(
        variant + " " + name,
        key -> {
          use();
          Pointer module =
              modules.computeIfAbsent(
                  variant, v -> CudaDriver.load(Compiler.compile(source, capability, definitions)));
          return new Kernel(
              name, CudaDriver.function(module, name, sharedBytes), sharedBytes, this);
        });
  }
}
