package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MatrixDistance;

/**
 * Stage 1: for each block the mean over batch and heads of the Frobenius norm of the student's
 * matrix minus the teacher's attention map, both on the teacher's hidden state (arXiv 2408.10189,
 * equation 8; the reference's assets/mohawk_stage1.py).
 */
public final class MatrixObjective extends BlockwiseObjective {

  public MatrixObjective(LanguageModel teacher, LanguageModel student) {
    super(teacher, student);
  }

  @Override
  NDArray compare(int i, NDArray hidden, NDArray u, double weight, boolean train) {
    Block teacher = teacherBlock(i);
    MatrixDistance distance = MatrixDistance.between(teacher, studentBlock(i));
    MatrixDistance.Result result =
        train ? distance.train(hidden, u, weight) : distance.measure(hidden, u);
    losses().add(i, result.distance(), weight);
    return teacher.join(hidden, u, result.mixerOutput());
  }
}
