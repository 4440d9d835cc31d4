package io.sparkhawk.executor.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Optional;

/**
 * Automatic differentiation of the calling thread. DJL's own collector allows one per process;
 * libtorch's grad mode, used here, is a property of the thread.
 */
public final class Gradients implements AutoCloseable {

  static {
    LibTorch.load();
  }

  private final boolean before;

  private Gradients(boolean record) {
    before = JniUtils.isGradMode();
    JniUtils.setGradMode(record);
  }

  /** Records operations on this thread until closed. */
  public static Gradients record() {
    return new Gradients(true);
  }

  /** Records nothing on this thread until closed. */
  public static Gradients pause() {
    return new Gradients(false);
  }

  /** A leaf that shares the elements of {@code tensor} and collects its own gradient. */
  public static NDArray leaf(NDArray tensor) {
    PtNDArray leaf = JniUtils.detachGradient((PtNDArray) tensor);
    leaf.setRequiresGradient(true);
    return leaf;
  }

  /** The same elements without their history. */
  public static NDArray constant(NDArray tensor) {
    return JniUtils.detachGradient((PtNDArray) tensor);
  }

  /**
   * Adds to the gradients of the leaves behind {@code output} what follows from {@code
   * outputGradient}, of the same shape, and frees the recorded graph.
   */
  public static void backward(NDArray output, NDArray outputGradient) {
    JniUtils.backward((PtNDArray) output, (PtNDArray) outputGradient, false, false);
  }

  /**
   * The gradient collected by a leaf.
   *
   * @throws IllegalStateException if no backward pass has reached it
   */
  public static NDArray of(NDArray leaf) {
    return collected(leaf)
        .orElseThrow(
            () ->
                new IllegalStateException("no backward pass has reached this " + leaf.getShape()));
  }

  /** The gradient collected by a leaf; empty if no backward pass has reached it. */
  public static Optional<NDArray> collected(NDArray leaf) {
    return Optional.ofNullable(JniUtils.getGradient((PtNDArray) leaf));
  }

  /** Whether the calling thread records operations. */
  public static boolean isRecording() {
    return JniUtils.isGradMode();
  }

  /**
   * Makes {@code leaf} collect its gradient in the memory of {@code target}, a view of a flat
   * buffer with the leaf's shape and type, from now on. What the target holds is kept and added to.
   */
  public static void collectInto(NDArray leaf, NDArray target) {
    try (TensorScope scope = TensorScope.open();
        Gradients recording = record()) {
      // libtorch makes a leaf's gradient in the first backward pass; only then can it be moved.
      NDArray sum = leaf.sum();
      backward(sum, Operators.zerosLike(sum));
      Operators.shareStorage(of(leaf), target);
    }
  }

  @Override
  public void close() {
    JniUtils.setGradMode(before);
  }
}
