package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;

/**
 * The Mamba-2 mixer between its two projections in one kernel (mixer.cu): convolution, scan in
 * chunks with the state in registers, skip and gate; and its backward pass. bfloat16 tensors;
 * decays, sums and the state are float32.
 */
public final class MixerKernels {

  /** Positions that one output of the convolution depends on. */
  static final int CONVOLUTION_WIDTH = 4;

  private static final int CHUNK = 64;
  private static final int STRIP = 256; // positions for each row of partial weight gradients
  private static final int THREADS = 128;
  private static final int PADDING = 8;

  private final Kernel forward;
  private final Kernel backward;
  private final Kernel convolution;
  private final Kernel convolutionBackward;
  private final int heads;
  private final int headSize;
  private final int stateSize;

  MixerKernels(Card card, int heads, int headSize, int stateSize) {
    this.heads = heads;
    this.headSize = headSize;
    this.stateSize = stateSize;
    String[] sizes = {"HEAD=" + headSize, "STATE=" + stateSize};
    int x = tileBytes(CHUNK, headSize);
    int b = tileBytes(CHUNK, stateSize);
    int state = tileBytes(stateSize, headSize);
    this.forward = card.kernel("mixer", "mixer_forward", x + 2 * b + state, sizes);
    this.backward = card.kernel("mixer", "mixer_backward", sharedBytes(headSize, stateSize), sizes);
    this.convolution = card.kernel("convolution", "convolution_forward", 0);
    this.convolutionBackward = card.kernel("convolution", "convolution_backward", 0);
  }

  /** Dynamic shared memory of the kernel that needs most of it: the backward pass. */
  static int sharedBytes(int headSize, int stateSize) {
    return 2
        * (tileBytes(CHUNK, headSize)
            + tileBytes(CHUNK, stateSize)
            + tileBytes(stateSize, headSize));
  }

  private static int tileBytes(int rows, int columns) {
    return rows * (columns + PADDING) * 2;
  }

  /**
   * The weights that the kernel reads.
   *
   * @param convWeight (channels, 1, 4), channels of x, B and C
   * @param convBias (channels)
   * @param gateBias (heads * head size)
   * @param skip D, (heads)
   */
  public record Weights(NDArray convWeight, NDArray convBias, NDArray gateBias, NDArray skip) {}

  /**
   * A forward pass.
   *
   * @param out (batch, length, heads * head size), gated
   * @param states the state that enters each chunk, for the backward pass
   */
  public record Forward(NDArray out, NDArray states) {}

  /**
   * Gradients of a backward pass.
   *
   * @param projected like the projection
   * @param convolution (channels, 5), float32: the four taps and the bias
   * @param skip (heads), float32
   */
  public record Backward(NDArray projected, NDArray convolution, NDArray skip) {}

  /**
   * The gated output for an input projection.
   *
   * @param projected (batch, length, x B C z A), contiguous
   */
  public NDArray forward(NDArray projected, Weights weights) {
    NDArray out = output(projected);
    launchForward(projected, weights, out, Kernel.NONE);
    return out;
  }

  /** As {@link #forward}, with what {@link #backward} needs. */
  public Forward forwardForTraining(NDArray projected, Weights weights) {
    NDArray out = output(projected);
    NDArray states =
        Operators.empty(
            projected.getManager(),
            ElementType.BFLOAT16,
            batch(projected),
            heads,
            Grid.blocks(length(projected), CHUNK),
            stateSize,
            headSize);
    launchForward(projected, weights, out, states);
    return new Forward(out, states);
  }

  private NDArray output(NDArray projected) {
    return Operators.empty(
        projected.getManager(),
        ElementType.BFLOAT16,
        batch(projected),
        length(projected),
        (long) heads * headSize);
  }

  private void launchForward(NDArray projected, Weights weights, NDArray out, Object states) {
    forward.launch(
        Grid.of(heads, batch(projected)),
        THREADS,
        projected,
        rowLength(projected),
        weights.convWeight(),
        weights.convBias(),
        weights.gateBias(),
        weights.skip(),
        out,
        states,
        length(projected),
        heads);
  }

  /**
   * The gradients that follow from that of the gated output.
   *
   * @param states of {@link #forwardForTraining} on the same projection
   * @param outGradient (batch, length, heads * head size), contiguous
   */
  public Backward backward(
      NDArray projected, Weights weights, NDArray states, NDArray outGradient) {
    int batch = batch(projected);
    int length = length(projected);
    NDArray gradient =
        Operators.empty(
            projected.getManager(), ElementType.BFLOAT16, projected.getShape().getShape());
    NDArray skip = Operators.empty(projected.getManager(), ElementType.FLOAT32, batch, heads);
    int channels = heads * (headSize + 2 * stateSize);
    NDArray convolved =
        Operators.empty(projected.getManager(), ElementType.BFLOAT16, batch, length, channels);
    backward.launch(
        Grid.of(heads, batch),
        THREADS,
        projected,
        rowLength(projected),
        weights.convWeight(),
        weights.convBias(),
        weights.gateBias(),
        weights.skip(),
        outGradient,
        states,
        gradient,
        convolved,
        skip,
        length,
        heads);
    NDArray taps =
        convolutionGradient(
            projected, weights.convWeight(), convolved, Kernel.NONE, 1, 1, gradient);
    convolved.close();
    return new Backward(gradient, taps, Operators.sum(skip, 0));
  }

  /**
   * The convolution of B and C alone.
   *
   * @param raw (batch, length, channels of B and C), contiguous
   * @param convWeight their rows of the convolution's weight
   * @param convBias theirs of its bias
   * @return like raw
   */
  public NDArray convolve(NDArray raw, NDArray convWeight, NDArray convBias) {
    int channels = Math.toIntExact(rowLength(raw));
    NDArray out =
        Operators.empty(raw.getManager(), ElementType.BFLOAT16, raw.getShape().getShape());
    convolution.launch(
        convolutionGrid(raw, channels),
        THREADS,
        raw,
        rowLength(raw),
        convWeight,
        convBias,
        out,
        length(raw),
        channels);
    return out;
  }

  /**
   * Gradients of {@link #convolve}.
   *
   * @param raw like raw
   * @param taps (channels, 5), float32: the four taps and the bias
   */
  public record ConvolutionBackward(NDArray raw, NDArray taps) {}

  /**
   * The gradients that follow from that of {@link #convolve}'s result.
   *
   * @param outGradient like raw
   * @param scale (batch, heads), float32: a factor of each head's channels
   */
  public ConvolutionBackward convolveBackward(
      NDArray raw, NDArray convWeight, NDArray outGradient, NDArray scale) {
    NDArray gradient =
        Operators.empty(raw.getManager(), ElementType.BFLOAT16, raw.getShape().getShape());
    NDArray taps =
        convolutionGradient(raw, convWeight, outGradient, scale, stateSize, heads, gradient);
    return new ConvolutionBackward(gradient, taps);
  }

  private NDArray convolutionGradient(
      NDArray raw,
      NDArray convWeight,
      NDArray outGradient,
      Object scale,
      int groupSize,
      int groups,
      NDArray gradient) {
    int channels = Math.toIntExact(rowLength(outGradient));
    Grid grid = convolutionGrid(raw, channels);
    NDArray parts =
        Operators.empty(
            raw.getManager(), ElementType.FLOAT32, (long) batch(raw) * grid.y(), channels, 5);
    convolutionBackward.launch(
        grid,
        THREADS,
        raw,
        rowLength(raw),
        convWeight,
        outGradient,
        scale,
        groupSize,
        groups,
        gradient,
        parts,
        length(raw),
        channels);
    NDArray sum = Operators.sum(parts, 0);
    parts.close();
    return sum;
  }

  private static Grid convolutionGrid(NDArray raw, int channels) {
    return Grid.of(
        Grid.blocks(channels, 2L * THREADS), Grid.blocks(length(raw), STRIP), batch(raw));
  }

  private static int batch(NDArray x) {
    return Math.toIntExact(x.getShape().get(0));
  }

  private static int length(NDArray x) {
    return Math.toIntExact(x.getShape().get(1));
  }

  private static long rowLength(NDArray x) {
    return x.getShape().get(2);
  }
}
