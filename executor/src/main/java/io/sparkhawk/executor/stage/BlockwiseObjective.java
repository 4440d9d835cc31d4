package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.TensorScope;

/**
 * A stage in which every block is compared by itself, on the teacher's hidden state: the teacher
 * goes through its blocks, and one block of both models is in memory at a time.
 */
abstract class BlockwiseObjective implements Objective {

  private final LanguageModel teacher;
  private final LanguageModel student;
  private final LossSum losses;

  BlockwiseObjective(LanguageModel teacher, LanguageModel student) {
    this.teacher = teacher;
    this.student = student;
    this.losses = new LossSum(student.manager(), student.elementType(), student.blocks().size());
  }

  /**
   * Compares a pair of blocks: adds the distance, times {@code weight}, to the losses, and when
   * training its gradients to the student's weights.
   *
   * @param i number of the blocks
   * @param hidden the input of both (batch, length, width)
   * @param u the teacher's normalisation of it
   * @return the output of the teacher's block
   */
  abstract NDArray compare(int i, NDArray hidden, NDArray u, double weight, boolean train);

  @Override
  public final void accumulate(NDArray ids, double weight, Progress progress) {
    run(ids, weight, true, progress);
  }

  @Override
  public final void measure(NDArray ids, double weight) {
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
          NDArray output =
              student.blocks().get(i).isAttention()
                  ? block.join(hidden, u, block.mixer().forward(u))
                  : compare(i, hidden, u, weight, train);
          hidden = inBlock.keep(output);
        }
        progress.segmentDone(i);
      }
    }
  }

  final Block teacherBlock(int i) {
    return teacher.blocks().get(i);
  }

  final Block studentBlock(int i) {
    return student.blocks().get(i);
  }

  @Override
  public final LossSum losses() {
    return losses;
  }
}
