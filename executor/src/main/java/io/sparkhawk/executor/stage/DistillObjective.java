package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

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

  /** A segment's input, as a leaf, and its output. */
  private record Link(NDArray input, NDArray output) {}

  @Override
  public void accumulate(NDArray ids, double weight, IntConsumer segmentDone) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray target = teacher.finalNorm().forward(teacher.hidden(ids));
      List<Link> links = forward(ids);
      int blocks = student.blocks().size();
      NDArray last = links.isEmpty() ? student.embed(ids) : links.get(blocks - 1).output();
      NDArray gradient = headBackward(last, target, weight);
      segmentDone.accept(blocks + 1);
      for (int i = blocks - 1; i >= 0; i--) {
        gradient = blockBackward(student.blocks().get(i), links.get(i), gradient);
        segmentDone.accept(i + 1);
      }
      embeddingBackward(ids, gradient);
      segmentDone.accept(0);
    }
  }

  private List<Link> forward(NDArray ids) {
    List<Link> links = new ArrayList<>();
    NDArray hidden = student.embed(ids);
    for (Block block : student.blocks()) {
      NDArray input = Gradients.leaf(hidden);
      try (TensorScope inBlock = TensorScope.open();
          Gradients mode = recompute ? Gradients.pause() : Gradients.record()) {
        hidden = inBlock.keep(block.forward(input));
      }
      links.add(new Link(input, hidden));
    }
    return links;
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

  private NDArray blockBackward(Block block, Link link, NDArray outputGradient) {
    try (TensorScope inBlock = TensorScope.open()) {
      NDArray output = link.output();
      if (recompute) {
        try (Gradients recording = Gradients.record()) {
          output = block.forward(link.input());
        }
      }
      Gradients.backward(output, outputGradient);
      NDArray gradient = inBlock.keep(Gradients.of(link.input()));
      link.output().close();
      link.input().close();
      outputGradient.close();
      return gradient;
    }
  }

  private void embeddingBackward(NDArray ids, NDArray outputGradient) {
    Parameter embedding = student.embedding();
    if (embedding.value().hasGradient()) {
      Operators.addInPlace(
          Gradients.of(embedding.value()),
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
