package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Linear;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;

/**
 * Soft-target cross-entropy of a student's head against a teacher's, with its gradient, in chunks
 * of positions: the logits of one chunk exist at a time, of neither model all of them.
 *
 * <p>With p the teacher's and q the student's probabilities the loss of a position is -sum p log q
 * and its gradient in the student's logits q - p.
 */
final class HeadLoss {

  /** Logits per chunk: 16 MiB in float32, which stays near the caches of a CPU. */
  private static final long CHUNK_ELEMENTS = 1L << 22;

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
    long chunk = Math.max(1, CHUNK_ELEMENTS / student.weight().shape().get(0));
    ElementType type = ElementType.of(x);
    NDArray sum = Operators.zeros(x.getManager(), type.accumulationType());
    for (long first = 0; first < rows; first += chunk) {
      long count = Math.min(chunk, rows - first);
      try (TensorScope scope = TensorScope.open()) {
        NDArray xs = Operators.narrow(x, 0, first, count);
        NDArray p = Operators.softmax(logits(teacher, Operators.narrow(y, 0, first, count)));
        NDArray logQ = Operators.logSoftmax(logits(student, xs));
        Operators.subtractInPlace(sum, Operators.innerProduct(p, logQ));
        if (gradient != null) {
          NDArray target = Operators.narrow(gradient, 0, first, count);
          backward(xs, p, logQ, target, factor, type);
        }
      }
    }
    return Operators.scale(sum, 1.0 / rows);
  }

  private void backward(
      NDArray xs, NDArray p, NDArray logQ, NDArray target, double factor, ElementType type) {
    Operators.expInPlace(logQ);
    Operators.subtractInPlace(logQ, p);
    Operators.scaleInPlace(logQ, factor);
    NDArray logitGradient = Operators.convert(logQ, type); // (rows, vocabulary)
    NDArray weight = student.weight().value();
    Operators.copy(Operators.matrixProduct(logitGradient, Gradients.constant(weight)), target);
    if (weight.hasGradient()) {
      Operators.addInPlace(
          Gradients.of(weight),
          Operators.matrixProduct(Operators.transpose(logitGradient, 0, 1), xs));
      Operators.addInPlace(Gradients.of(student.bias().value()), Operators.sum(logitGradient, 0));
    }
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
