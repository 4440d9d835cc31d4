package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import java.util.Optional;

/**
 * Our kernels on the device of some tensors: there for bfloat16 on CUDA devices with compute
 * capability 8.0 or newer. Everything else is computed by plain operators.
 */
public final class Kernels {

  private final Card card;

  private Kernels(Card card) {
    this.card = card;
  }

  /** The kernels for tensors like this one; empty where plain operators are to be used. */
  public static Optional<Kernels> like(NDArray tensor) {
    if (!tensor.getDevice().isGpu() || ElementType.of(tensor) != ElementType.BFLOAT16) {
      return Optional.empty();
    }
    Card card = Card.of(tensor.getDevice().getDeviceId());
    return card.isSupported() ? Optional.of(new Kernels(card)) : Optional.empty();
  }

  /** Bytes in use on the device of a tensor, by all of its users; 0 on a CPU. */
  public static long usedMemory(NDArray tensor) {
    return tensor.getDevice().isGpu() ? Card.of(tensor.getDevice().getDeviceId()).usedMemory() : 0;
  }

  /** Bytes of memory of the device of a tensor; 0 on a CPU. */
  public static long totalMemory(NDArray tensor) {
    return tensor.getDevice().isGpu() ? Card.of(tensor.getDevice().getDeviceId()).totalMemory() : 0;
  }

  /** Element-wise kernels. */
  public ElementKernels elements() {
    return new ElementKernels(card);
  }

  /**
   * The mixer's kernels; empty if its sizes are none that they are made for, or too large for the
   * card.
   *
   * @param headSize entries of x for each head
   * @param stateSize entries of B and C for each head
   */
  public Optional<MixerKernels> mixer(int heads, int headSize, int stateSize, int convWidth) {
    return takesMixer(heads, headSize, stateSize, convWidth)
            && card.hasShared(MixerKernels.sharedBytes(headSize, stateSize))
        ? Optional.of(new MixerKernels(card, heads, headSize, stateSize))
        : Optional.empty();
  }

  /** Whether the mixer's kernels are made for these sizes. */
  public static boolean takesMixer(int heads, int headSize, int stateSize, int convWidth) {
    return isTile(headSize)
        && isTile(stateSize)
        && heads % 8 == 0 // rows of the projection begin at multiples of 16 bytes
        && convWidth == MixerKernels.CONVOLUTION_WIDTH;
  }

  /**
   * The kernels that compare matrices; empty if the sizes are none that they are made for, or too
   * large for the card.
   *
   * @param headSize entries of the teacher's queries and keys for each head
   */
  public Optional<MatrixKernels> matrices(int heads, int headSize, int stateSize) {
    return takesMatrices(headSize, stateSize)
            && card.hasShared(MatrixKernels.sharedBytes(headSize, stateSize))
        ? Optional.of(new MatrixKernels(card, heads, headSize, stateSize))
        : Optional.empty();
  }

  /** Whether the kernels that compare matrices are made for these sizes. */
  public static boolean takesMatrices(int headSize, int stateSize) {
    return isTile(headSize) && isTile(stateSize);
  }

  /** Sizes up to which a tile's rows and accumulators fit into a block's memory and registers. */
  private static boolean isTile(int size) {
    return size % 16 == 0 && size >= 16 && size <= 128;
  }
}
