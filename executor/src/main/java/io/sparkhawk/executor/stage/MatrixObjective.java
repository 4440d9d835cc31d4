package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MatrixDistance;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.TensorScope;

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
  public void accumulate(NDArray ids, double weight, Progress progress) {
    run(ids, weight, true, progress);
  }

  @Override
  public void measure(NDArray ids, double weight) {
    run(ids, weight, false, segment -> {});
  }

  private void run(NDArray ids, double weight, boolean train, Progress progress) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray hidden = teacher.embed(ids);
      progress.studentBegins();
      for (int i = 0; i < student.blocks().size(); i++) {
        try (TensorScope inBlock = TensorScope.open()) {
          Block block = teacher.blocks().get(i);
          NDArray u = block.normalise(hidden);
          NDArray mixed =
              student.blocks().get(i).isAttention()
                  ? block.mixer().forward(u)
                  : compare(i, hidden, u, weight, train);
          hidden = inBlock.keep(block.join(hidden, u, mixed));
        }
        progress.segmentDone(i);
      }
    }
  }

  /** Compares a pair of blocks and returns the output of the teacher's attention. */
  private NDArray compare(int i, NDArray hidden, NDArray u, double weight, boolean train) {
    MatrixDistance distance =
        MatrixDistance.between(teacher.blocks().get(i), student.blocks().get(i));
    MatrixDistance.Result result =
        train ? distance.train(hidden, u, weight) : distance.measure(hidden, u);
    losses.add(i, result.distance(), weight);
    return result.mixerOutput();
  }

  @Override
  public LossSum losses() {
    return losses;
  }
}
