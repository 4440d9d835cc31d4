package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Pass;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;

/**
 * Stage 2: for each block the mean over batch and positions of the Euclidean norm, over the width,
 * of the student's output minus the teacher's, both on the teacher's hidden state (arXiv
 * 2408.10189, equation 9; the reference's assets/mohawk_stage2.py). Blocks are independent: one is
 * in memory at a time.
 */
public final class HiddenObjective implements Objective {

  private final LanguageModel teacher;
  private final LanguageModel student;
  private final HiddenTarget compared;
  private final LossSum losses;

  public HiddenObjective(LanguageModel teacher, LanguageModel student, HiddenTarget compared) {
    this.teacher = teacher;
    this.student = student;
    this.compared = compared;
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
          NDArray mixed = block.mixer().forward(u);
          NDArray output = block.join(hidden, u, mixed);
          if (!student.blocks().get(i).isAttention()) {
            NDArray target = compared == HiddenTarget.MIXER ? mixed : output;
            compare(i, hidden, target, weight, train);
          }
          hidden = inBlock.keep(output);
        }
        progress.segmentDone(i);
      }
    }
  }

  private void compare(int i, NDArray hidden, NDArray target, double weight, boolean train) {
    Block block = student.blocks().get(i);
    if (!train) {
      losses.add(i, distance(output(block, hidden), target), weight);
      return;
    }
    try (Pass pass = pass(block, hidden)) {
      NDArray output = Gradients.leaf(pass.output());
      NDArray loss;
      try (Gradients recording = Gradients.record()) {
        loss = distance(output, target);
      }
      losses.add(i, loss, weight);
      Gradients.backward(loss, Operators.filledLike(loss, weight));
      pass.backward(Gradients.of(output));
    }
  }

  private Pass pass(Block block, NDArray hidden) {
    return compared == HiddenTarget.MIXER ? block.trainMixer(hidden) : block.train(hidden, false);
  }

  private NDArray output(Block block, NDArray hidden) {
    return compared == HiddenTarget.MIXER
        ? block.mixer().forward(block.normalise(hidden))
        : block.forward(hidden);
  }

  private static NDArray distance(NDArray ours, NDArray target) {
    return Operators.mean(Operators.norm(difference(ours, target), 2));
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
