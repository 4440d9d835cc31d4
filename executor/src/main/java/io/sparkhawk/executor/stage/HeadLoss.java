package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.ElementKernels;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.model.Linear;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Optional;

/**
 * Soft-target cross-entropy of a student's head against a teacher's, with its gradient, in chunks
 * of positions: the logits of one chunk exist at a time, of neither model all of them.
 *
 * <p>With p the teacher's and q the student's probabilities the loss of a position is -sum p log q
 * and its gradient in the student's logits q - p.
 */
final class HeadLoss {

  /** Logits per chunk: 16 MiB in float32, which stays near the caches of a CPU. */
  private static final long HOST_CHUNK = 1L << 22;

  /** Logits per chunk on a GPU: enough rows to fill it, 400 MiB in bfloat16. */
  private static final long DEVICE_CHUNK = 1L << 27;

  private final Linear teacher;
  private final Linear student;

  HeadLoss(Linear teacher, Linear student) {
    this.teacher = teacher;
    this.student = student;
  }

  /**
   * The loss of a micro-batch and its gradient in the student's head input.
   *
   * @param loss mean over positions, one element
   * @param inputGradient (batch, length, width), times the weight
   */
  record Result(NDArray loss, NDArray inputGradient) {}

  /**
   * Loss and gradient; the gradients of the head's weights, if they are trained, are added to
   * theirs.
   *
   * @param x student's normalised hidden states (batch, length, width)
   * @param y teacher's, of the same shape
   * @param weight factor of all gradients
   */
  Result withGradient(NDArray x, NDArray y, double weight) {
    NDArray gradient = Operators.zerosLike(x);
    NDArray loss = run(flat(x), flat(y), flat(gradient), weight / positions(x));
    return new Result(loss, gradient);
  }

  /** The mean loss alone, one element. */
  NDArray withoutGradient(NDArray x, NDArray y) {
    return run(flat(x), flat(y), null, 0);
  }

  private NDArray run(NDArray x, NDArray y, NDArray gradient, double factor) {
    long rows = x.getShape().get(0);
    long vocabulary = student.weight().shape().get(0);
    Optional<ElementKernels> kernels =
        ElementKernels.fits(vocabulary) ? Kernels.like(x).map(Kernels::elements) : Optional.empty();
    long chunk = rowsAtOnce(vocabulary, kernels.isPresent());
    NDArray sum = Operators.zeros(x.getManager(), ElementType.of(x).accumulationType());
    for (long first = 0; first < rows; first += chunk) {
      long count = Math.min(chunk, rows - first);
      try (TensorScope scope = TensorScope.open()) {
        NDArray xs = Operators.narrow(x, 0, first, count);
        NDArray ys = Operators.narrow(y, 0, first, count);
        LogitGradient result =
            kernels.isPresent() ? fused(kernels.get(), xs, ys, factor) : composed(xs, ys, factor);
        Operators.addInPlace(sum, result.loss);
        if (gradient != null) {
          backward(xs, result.gradient, Operators.narrow(gradient, 0, first, count));
        }
      }
    }
    return Operators.scale(sum, 1.0 / rows);
  }

  /** Positions whose logits exist at a time. */
  static long rowsAtOnce(long vocabulary, boolean kernels) {
    return Math.max(1, (kernels ? DEVICE_CHUNK : HOST_CHUNK) / vocabulary);
  }

  /**
   * Of some positions.
   *
   * @param loss sum over the positions, no dimensions
   * @param gradient in the student's logits (positions, vocabulary), times the factor; of no
   *     meaning where that is 0
   */
  private record LogitGradient(NDArray loss, NDArray gradient) {}

  private LogitGradient fused(ElementKernels kernels, NDArray xs, NDArray ys, double factor) {
    NDArray logits = student.forward(xs);
    NDArray losses = kernels.softCrossEntropy(teacher.forward(ys), logits, factor);
    return new LogitGradient(Operators.sum(losses, 0), logits);
  }

  private LogitGradient composed(NDArray xs, NDArray ys, double factor) {
    NDArray p = Operators.softmax(logits(teacher, ys));
    NDArray logQ = Operators.logSoftmax(logits(student, xs));
    // Not the inner product of all: BLAS adds its millions of terms one by one, and the loss would
    // differ by 1e-4 with the number of rows.
    NDArray losses = Operators.sum(Operators.multiply(p, logQ), 1);
    NDArray loss = Operators.negate(Operators.sum(losses, 0));
    if (factor != 0) {
      Operators.expInPlace(logQ);
      Operators.subtractInPlace(logQ, p);
      Operators.scaleInPlace(logQ, factor);
    }
    return new LogitGradient(loss, Operators.convert(logQ, ElementType.of(xs)));
  }

  private void backward(NDArray xs, NDArray logitGradient, NDArray target) {
    Operators.copy(student.inputGradient(logitGradient), target);
    student.addGradients(xs, logitGradient);
  }

  private static NDArray logits(Linear head, NDArray x) {
    return Operators.convert(head.forward(x), ElementType.of(x).accumulationType());
  }

  private static long positions(NDArray x) {
    return x.getShape().get(0) * x.getShape().get(1);
  }

  private static NDArray flat(NDArray x) {
    return Operators.reshape(x, -1, x.getShape().get(2));
  }
}
