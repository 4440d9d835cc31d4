package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.function.IntConsumer;

/**
 * Stage 1: for each block the mean over batch and heads of the Frobenius norm of the student's
 * matrix minus the teacher's attention map, both on the teacher's hidden state (arXiv 2408.10189,
 * equation 8; the reference's assets/mohawk_stage1.py). Blocks are independent: one is in memory at
 * a time.
 */
public final class MatrixObjective implements Objective {

  private final LanguageModel teacher;
  private final LanguageModel student;
  private final LossSum losses;

  public MatrixObjective(LanguageModel teacher, LanguageModel student) {
    this.teacher = teacher;
    this.student = student;
    this.losses = new LossSum(student.manager(), student.elementType(), student.blocks().size());
  }

  @Override
  public void accumulate(NDArray ids, double weight, IntConsumer segmentDone) {
    run(ids, weight, true, segmentDone);
  }

  @Override
  public void measure(NDArray ids, double weight) {
    run(ids, weight, false, segment -> {});
  }

  private void run(NDArray ids, double weight, boolean train, IntConsumer segmentDone) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray hidden = teacher.embed(ids);
      for (int i = 0; i < student.blocks().size(); i++) {
        try (TensorScope inBlock = TensorScope.open()) {
          Block block = teacher.blocks().get(i);
          NDArray u = block.normalise(hidden);
          Block.MatrixAndOutput attention = block.attend(u);
          if (!student.blocks().get(i).isAttention()) {
            compare(i, hidden, attention.matrix(), weight, train);
          }
          hidden = inBlock.keep(block.join(hidden, u, attention.output()));
        }
        segmentDone.accept(i);
      }
    }
  }

  private void compare(int i, NDArray hidden, NDArray target, double weight, boolean train) {
    Block block = student.blocks().get(i);
    NDArray loss;
    try (Gradients mode = train ? Gradients.record() : Gradients.pause()) {
      NDArray matrix = block.mixer().matrix(block.normalise(hidden));
      loss = Operators.mean(Operators.norm(difference(matrix, target), 2, 3));
    }
    losses.add(i, loss, weight);
    if (train) {
      Gradients.backward(loss, Operators.filledLike(loss, weight));
    }
  }

  /** In the accumulation type, in which norms and losses are made. */
  private static NDArray difference(NDArray ours, NDArray target) {
    NDArray difference = Operators.subtract(ours, target);
    return Operators.convert(difference, ElementType.of(difference).accumulationType());
  }

  @Override
  public LossSum losses() {
    return losses;
  }
}
