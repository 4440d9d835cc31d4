package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;

/** Element-wise parts of models and updates, in one pass over memory each (elementwise.cu). */
public final class ElementKernels {

  private static final int THREADS = 256;
  private static final int VECTOR = 8; // elements that a thread moves at once
  private static final int ROW_THREADS = 512;
  private static final int BLOCKS_PER_MULTIPROCESSOR = 16;

  /** The same on every card, since which numbers are added first follows from it. */
  private static final int SQUARES_BLOCKS = 2048;

  private final Card card;

  ElementKernels(Card card) {
    this.card = card;
  }

  private Kernel kernel(String name) {
    return card.kernel("elementwise", name, 0);
  }

  /** Whether the element-wise kernels take a tensor of this many elements. */
  public static boolean fits(long elements) {
    return elements % VECTOR == 0;
  }

  /**
   * tanh-GELU.
   *
   * @param x bfloat16, contiguous
   * @return like x
   */
  public NDArray gelu(NDArray x) {
    NDArray out = Operators.empty(x.getManager(), ElementType.BFLOAT16, x.getShape().getShape());
    kernel("gelu_forward").launch(vectors(x), THREADS, x, out, x.size());
    return out;
  }

  /**
   * Turns the gradient of GELU's output into that of its input, in place.
   *
   * @param x GELU's input
   * @param gradient like x
   * @return GELU's output, computed again
   */
  public NDArray geluBackward(NDArray x, NDArray gradient) {
    NDArray out = Operators.empty(x.getManager(), ElementType.BFLOAT16, x.getShape().getShape());
    kernel("gelu_backward").launch(vectors(x), THREADS, x, gradient, out, x.size());
    return out;
  }

  private static Grid vectors(NDArray x) {
    return Grid.of(Grid.blocks(x.size(), (long) THREADS * VECTOR));
  }

  /**
   * Rotary embedding of the first entries of each head.
   *
   * @param x (batch, length, heads, head size), contiguous
   * @param cosine (positions, rotated entries), the halves alike
   * @param sine like cosine
   * @return like x
   */
  public NDArray rotate(NDArray x, NDArray cosine, NDArray sine) {
    NDArray out = Operators.empty(x.getManager(), ElementType.BFLOAT16, x.getShape().getShape());
    long pairs = x.size() / 2;
    kernel("rotary")
        .launch(
            Grid.of(Grid.blocks(pairs, THREADS)),
            THREADS,
            x,
            cosine,
            sine,
            out,
            Math.toIntExact(x.getShape().get(1)),
            Math.toIntExact(x.getShape().get(2)),
            Math.toIntExact(x.getShape().get(3)),
            Math.toIntExact(cosine.getShape().get(1)),
            pairs);
    return out;
  }

  /** Whether {@link #rotate} takes heads with this many rotated entries. */
  public static boolean rotates(int headSize, int rotated) {
    return headSize % 2 == 0 && rotated % 4 == 0;
  }

  /**
   * Cross-entropy of the student's predictions under the teacher's; the student's logits become the
   * loss's gradient, times {@code factor}, unless that is 0.
   *
   * @param teacher logits (rows, vocabulary)
   * @param student like teacher
   * @return the loss of each row, float32
   */
  public NDArray softCrossEntropy(NDArray teacher, NDArray student, double factor) {
    long rows = student.getShape().get(0);
    NDArray loss = Operators.empty(student.getManager(), ElementType.FLOAT32, rows);
    kernel("soft_cross_entropy")
        .launch(
            Grid.of(rows),
            ROW_THREADS,
            teacher,
            student,
            loss,
            Math.toIntExact(student.getShape().get(1)),
            (float) factor);
    return loss;
  }

  /**
   * Decides on the device whether the next update is made, and how: not if a loss or the gradient's
   * norm is not finite, and with the gradient scaled down if its norm is too large.
   *
   * @param figures losses, and after them the gradient's sum of squares: float32
   * @param plan gets the decision; holds the number of updates before
   */
  public void planUpdate(NDArray figures, UpdatePlan plan, UpdateRule rule) {
    kernel("plan_update")
        .launch(
            Grid.of(1),
            1,
            figures,
            Math.toIntExact(figures.size() - 1),
            plan.numbers(),
            rule.beta1(),
            rule.beta2(),
            rule.learningRate(),
            rule.weightDecay(),
            rule.clipNorm());
  }

  /**
   * Sums of squares of parts of a tensor, which do not depend on the device: added up, they are the
   * tensor's.
   *
   * @param x float32 or bfloat16, contiguous, its memory aligned to 16 bytes
   * @return (parts) float32
   */
  public NDArray sumsOfSquares(NDArray x) {
    NDArray sums = Operators.empty(x.getManager(), ElementType.FLOAT32, SQUARES_BLOCKS);
    kernel(isRounded(x) ? "squares_bfloat16" : "squares_float32")
        .launch(Grid.of(SQUARES_BLOCKS), THREADS, x, sums, x.size());
    return sums;
  }

  /** Whether a float32 or bfloat16 tensor is the latter. */
  private static boolean isRounded(NDArray x) {
    return switch (ElementType.of(x)) {
      case BFLOAT16 -> true;
      case FLOAT32 -> false;
      case FLOAT64 -> throw new IllegalArgumentException("the kernel takes no float64");
    };
  }

  /**
   * AdamW over flat float32 buffers of a multiple of 4 elements.
   *
   * @param gradients float32 or bfloat16
   * @param compute gets the new weights in bfloat16
   * @param plan what was decided; nothing changes if that is to leave the update out
   */
  public void adamW(
      NDArray weights,
      NDArray gradients,
      NDArray firstMoment,
      NDArray secondMoment,
      NDArray compute,
      UpdatePlan plan,
      UpdateRule rule) {
    kernel(isRounded(gradients) ? "adamw_bfloat16" : "adamw_float32")
        .launch(
            Grid.of((long) card.multiprocessors() * BLOCKS_PER_MULTIPROCESSOR),
            THREADS,
            weights,
            gradients,
            firstMoment,
            secondMoment,
            compute,
            plan.numbers(),
            (float) rule.beta1(),
            (float) rule.beta2(),
            (float) rule.epsilon(),
            weights.size());
  }
}
