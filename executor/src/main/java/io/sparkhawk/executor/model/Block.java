package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;
import java.util.stream.Stream;

/** Phi's parallel block: out = h + mixer(norm(h)) + mlp(norm(h)). */
public final class Block {

  private final LayerNorm norm;
  private final Mixer mixer;
  private final Mlp mlp;

  Block(LayerNorm norm, Mixer mixer, Mlp mlp) {
    this.norm = norm;
    this.mixer = mixer;
    this.mlp = mlp;
  }

  /** The normalised input u that mixer and MLP share: (batch, length, width). */
  public NDArray normalise(NDArray hidden) {
    return norm.forward(hidden);
  }

  /** The block's output, both branches computed: (batch, length, width). */
  public NDArray forward(NDArray hidden) {
    NDArray u = normalise(hidden);
    return join(hidden, u, mixer.forward(u));
  }

  /** As {@link #forward(NDArray)} on the next positions of the sequence behind {@code state}. */
  public NDArray forward(NDArray hidden, MixerState state) {
    NDArray u = normalise(hidden);
    return join(hidden, u, state.advance(u));
  }

  /** The block's output where the mixer's is already known. */
  public NDArray join(NDArray hidden, NDArray u, NDArray mixerOutput) {
    return Operators.add(Operators.add(mixerOutput, mlp.forward(u)), hidden);
  }

  /**
   * As {@link #forward(NDArray)}, with what the backward pass needs.
   *
   * @param inputGradient whether the gradient of {@code hidden} will be wanted
   */
  public Pass train(NDArray hidden, boolean inputGradient) {
    boolean throughNorm = inputGradient || isNormTrained();
    Pass normed = RecordedPass.of(hidden, inputGradient, norm::forward);
    NDArray u = normed.output();
    return BlockPass.ofBlock(
        normed, mixer.train(u, throughNorm), mlp.train(u, throughNorm), hidden);
  }

  /** The normalised input, with what the backward pass needs if the normalisation is trained. */
  Pass trainNorm(NDArray hidden) {
    return RecordedPass.of(hidden, false, norm::forward);
  }

  boolean isNormTrained() {
    return norm.weight().isTrained();
  }

  /** The mixer's output on the block's input, with what the weights' gradients need. */
  public Pass trainMixer(NDArray hidden) {
    Pass normed = trainNorm(hidden);
    return BlockPass.ofMixer(normed, mixer.train(normed.output(), isNormTrained()));
  }

  public Mixer mixer() {
    return mixer;
  }

  /** Whether the mixer is attention, as all of a teacher's are. */
  public boolean isAttention() {
    return mixer instanceof PhiAttention;
  }

  /**
   * Matrix and output of an attention mixer, computed together.
   *
   * @throws IllegalStateException if the mixer is not attention
   */
  public MatrixAndOutput attend(NDArray u) {
    if (mixer instanceof PhiAttention attention) {
      NDArray matrix = attention.matrix(u);
      return new MatrixAndOutput(matrix, attention.forward(u, matrix));
    }
    throw new IllegalStateException("the mixer is not attention");
  }

  /**
   * What an attention mixer computes on one input.
   *
   * @param matrix (batch, heads, length, length)
   * @param output (batch, length, width)
   */
  public record MatrixAndOutput(NDArray matrix, NDArray output) {}

  public List<Parameter> normParameters() {
    return norm.parameters();
  }

  public List<Parameter> mlpParameters() {
    return mlp.parameters();
  }

  /** All weights: norm, mixer, MLP. */
  public List<Parameter> parameters() {
    return Stream.of(norm.parameters(), mixer.parameters(), mlp.parameters())
        .flatMap(List::stream)
        .toList();
  }
}
