package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Pass;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;

/**
 * Stage 2: for each block the mean over batch and positions of the Euclidean norm, over the width,
 * of the student's output minus the teacher's, both on the teacher's hidden state (arXiv
 * 2408.10189, equation 9; the reference's assets/mohawk_stage2.py).
 */
public final class HiddenObjective extends BlockwiseObjective {

  private final HiddenTarget compared;

  public HiddenObjective(LanguageModel teacher, LanguageModel student, HiddenTarget compared) {
    super(teacher, student);
    this.compared = compared;
  }

  @Override
  NDArray compare(int i, NDArray hidden, NDArray u, double weight, boolean train) {
    Block teacher = teacherBlock(i);
    NDArray mixed = teacher.mixer().forward(u);
    NDArray output = teacher.join(hidden, u, mixed);
    NDArray target = compared == HiddenTarget.MIXER ? mixed : output;
    if (train) {
      train(i, hidden, target, weight);
    } else {
      losses().add(i, distance(output(studentBlock(i), hidden), target), weight);
    }
    return output;
  }

  private void train(int i, NDArray hidden, NDArray target, double weight) {
    try (Pass pass = pass(studentBlock(i), hidden)) {
      NDArray output = Gradients.leaf(pass.output());
      NDArray loss;
      try (Gradients recording = Gradients.record()) {
        loss = distance(output, target);
      }
      losses().add(i, loss, weight);
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
}
