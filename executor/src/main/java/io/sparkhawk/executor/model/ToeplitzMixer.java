package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;
import java.util.stream.Stream;

/**
 * The causal Toeplitz mixer of the ablation in arXiv 2408.10189: per head y_i = sum over j up to i
 * of t_{i-j} x_j, plus D x_i, with a learned kernel t that does not depend on the input. The
 * convolution over x, the gate and the output projection are those of {@link DiscreteMamba2}.
 *
 * <p>It is there to be compared with, not to be fast: {@link #forward} multiplies with the matrix,
 * in time and memory quadratic in the length.
 */
final class ToeplitzMixer implements Mixer {

  private final Parameter inProjection; // rows: x, z
  private final CausalConvolution convolution; // over x
  private final Parameter kernel; // (heads, longest length); entry k weighs the position k before
  private final GatedOutput output;
  private final MixerShape shape;
  private final CausalMask mask;

  ToeplitzMixer(
      ParameterSource source, String name, MixerShape shape, int maxPositions, CausalMask mask) {
    this.inProjection =
        source.parameter(name + ".in_proj.weight", shape.projectionRows(), shape.width());
    this.convolution =
        new CausalConvolution(source, name + ".conv1d", shape.convChannels(), shape.convWidth());
    this.kernel = source.parameter(name + ".kernel", shape.heads(), maxPositions);
    this.output = new GatedOutput(source, name, shape);
    this.shape = shape;
    this.mask = mask;
  }

  @Override
  public NDArray forward(NDArray u) {
    long batch = u.getShape().get(0);
    long length = u.getShape().get(1);
    long inner = shape.innerWidth();
    NDArray projected = Operators.linear(u, inProjection.value());
    NDArray x =
        Operators.reshape(
            convolution.forward(Operators.narrow(projected, 2, 0, inner)),
            batch,
            length,
            shape.heads(),
            shape.headSize());
    NDArray z = Operators.narrow(projected, 2, inner, inner);
    NDArray mixed = // (batch, heads, length, head size)
        Operators.matmul(toeplitz(length), Operators.transpose(x, 1, 2));
    return output.forward(Operators.transpose(mixed, 1, 2), x, z);
  }

  @Override
  public NDArray matrix(NDArray u) {
    long length = u.getShape().get(1);
    NDArray ofHeads = Operators.add(toeplitz(length), output.diagonal(mask.identity(u, length)));
    // The same for every sequence of the batch.
    return Operators.add(
        Operators.unsqueeze(ofHeads, 0),
        Operators.zeros(u.getManager(), ElementType.of(u), u.getShape().get(0), 1, 1, 1));
  }

  /**
   * T_ij = t_{i-j} for i at least j, 0 elsewhere: (heads, length, length).
   *
   * <p>Rows of t followed by as many zeros, laid end to end and cut again into rows that are one
   * shorter, each begin one entry later than the row before: row j holds t_{i-j} in column i.
   */
  private NDArray toeplitz(long length) {
    long heads = shape.heads();
    NDArray t = Operators.narrow(kernel.value(), 1, 0, length);
    NDArray padded = Operators.concatenate(List.of(t, Operators.zerosLike(t)), 1);
    NDArray column = Operators.zeros(t.getManager(), ElementType.of(t), length, 1);
    NDArray repeated = Operators.add(Operators.unsqueeze(padded, 1), column);
    NDArray flat = Operators.reshape(repeated, heads, length * 2 * length);
    NDArray shifted =
        Operators.reshape(
            Operators.narrow(flat, 1, 0, length * (2 * length - 1)), heads, length, 2 * length - 1);
    return Operators.transpose(Operators.narrow(shifted, 2, 0, length), 1, 2);
  }

  @Override
  public long longestSequence() {
    return kernel.shape().get(1);
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.of(
            List.of(inProjection), convolution.parameters(), List.of(kernel), output.parameters())
        .flatMap(List::stream)
        .toList();
  }

  @Override
  public List<Parameter> matrixParameters() {
    return List.of(kernel, output.skip());
  }
}
