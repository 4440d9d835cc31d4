package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.model.Pass;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;

/**
 * Stage 3: cross-entropy of the student's predictions under the teacher's, mean over batch and
 * positions, at temperature 1 and without hard labels (arXiv 2408.10189, equation 10).
 *
 * <p>The student is a chain of segments: embedding, blocks, final norm with head. Each takes its
 * input as a leaf of its own graph; the backward pass walks the segments from last to first, and
 * when one is done its gradients are complete.
 */
public final class DistillObjective implements Objective {

  private final LanguageModel teacher;
  private final LanguageModel student;
  private final boolean recompute;
  private final HeadLoss headLoss;
  private final LossSum losses;

  /**
   * @param recompute whether blocks run forward a second time in the backward pass instead of
   *     keeping what it needs: less memory, more time
   */
  public DistillObjective(LanguageModel teacher, LanguageModel student, boolean recompute) {
    this.teacher = teacher;
    this.student = student;
    this.recompute = recompute;
    this.headLoss = new HeadLoss(teacher.head(), student.head());
    this.losses = new LossSum(student.manager(), student.elementType(), 1);
  }

  @Override
  public void accumulate(NDArray ids, double weight, Progress progress) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause();
        Chain chain = new Chain()) {
      NDArray target = teacher.finalNorm().forward(teacher.hidden(ids));
      progress.studentBegins();
      NDArray last = chain.forward(student.embed(ids));
      int blocks = student.blocks().size();
      NDArray gradient = headBackward(last, target, weight);
      progress.segmentDone(blocks + 1);
      for (int i = blocks - 1; i >= 0; i--) {
        gradient = chain.backward(i, gradient);
        progress.segmentDone(i + 1);
      }
      embeddingBackward(ids, gradient);
      progress.segmentDone(0);
    }
  }

  /** The blocks' forward passes, or their inputs alone where they are to be computed again. */
  private final class Chain implements AutoCloseable {

    private final List<NDArray> inputs = new ArrayList<>();
    private final List<Pass> passes = new ArrayList<>();

    /** The last block's output. */
    NDArray forward(NDArray embedded) {
      NDArray hidden = embedded;
      for (Block block : student.blocks()) {
        inputs.add(hidden);
        try (TensorScope inBlock = TensorScope.open()) {
          if (recompute) {
            hidden = inBlock.keep(block.forward(hidden));
          } else {
            Pass pass = block.train(hidden, true);
            passes.add(pass);
            hidden = inBlock.keep(pass.output());
          }
        }
      }
      return hidden;
    }

    /** The gradient of block {@code i}'s input; frees what its backward pass needed. */
    NDArray backward(int i, NDArray outputGradient) {
      try (TensorScope inBlock = TensorScope.open();
          Pass pass =
              recompute ? student.blocks().get(i).train(inputs.get(i), true) : passes.get(i)) {
        NDArray gradient = inBlock.keep(pass.backward(outputGradient).orElseThrow());
        inputs.get(i).close();
        outputGradient.close();
        return gradient;
      }
    }

    @Override
    public void close() {
      passes.forEach(Pass::close);
    }
  }

  /** Loss and backward pass of final norm and head; returns the gradient of {@code hidden}. */
  private NDArray headBackward(NDArray hidden, NDArray target, double weight) {
    try (TensorScope inHead = TensorScope.open()) {
      NDArray input = Gradients.leaf(hidden);
      NDArray normed;
      try (Gradients recording = Gradients.record()) {
        normed = student.finalNorm().forward(input);
      }
      HeadLoss.Result result = headLoss.withGradient(Gradients.constant(normed), target, weight);
      losses.add(0, result.loss(), weight);
      Gradients.backward(normed, result.inputGradient());
      return inHead.keep(Gradients.of(input));
    }
  }

  private void embeddingBackward(NDArray ids, NDArray outputGradient) {
    Parameter embedding = student.embedding();
    if (embedding.isTrained()) {
      Operators.addInPlace(
          embedding.gradient(),
          Operators.embeddingBackward(outputGradient, ids, student.vocabulary()));
    }
  }

  @Override
  public void measure(NDArray ids, double weight) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray target = teacher.finalNorm().forward(teacher.hidden(ids));
      NDArray normed = student.finalNorm().forward(student.hidden(ids));
      losses.add(0, headLoss.withoutGradient(normed, target), weight);
    }
  }

  @Override
  public LossSum losses() {
    return losses;
  }
}
