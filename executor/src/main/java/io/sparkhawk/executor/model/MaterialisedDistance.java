package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;

/** Makes both matrices, whole, and lets libtorch differentiate: for any mixer, type and device. */
final class MaterialisedDistance implements MatrixDistance {

  private final Block teacher;
  private final Block student;

  MaterialisedDistance(Block teacher, Block student) {
    this.teacher = teacher;
    this.student = student;
  }

  @Override
  public Result measure(NDArray hidden, NDArray u) {
    Block.MatrixAndOutput attention = teacher.attend(u);
    return new Result(distance(hidden, attention.matrix()), attention.output());
  }

  @Override
  public Result train(NDArray hidden, NDArray u, double weight) {
    Block.MatrixAndOutput attention = teacher.attend(u);
    NDArray distance;
    try (Gradients recording = Gradients.record()) {
      distance = distance(hidden, attention.matrix());
    }
    Gradients.backward(distance, Operators.filledLike(distance, weight));
    return new Result(distance, attention.output());
  }

  /** In the accumulation type, in which norms and losses are made. */
  private NDArray distance(NDArray hidden, NDArray target) {
    NDArray matrix = student.mixer().matrix(student.normalise(hidden));
    NDArray difference = Operators.subtract(matrix, target);
    NDArray wide = Operators.convert(difference, ElementType.of(difference).accumulationType());
    return Operators.mean(Operators.norm(wide, 2, 3));
  }
}
