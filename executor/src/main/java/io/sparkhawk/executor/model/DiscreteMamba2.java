package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;

/**
 * The discrete Mamba-2 mixer of Phi-Mamba: per head h_t = exp(-softplus(A_t)) h_{t-1} + B_t x_t^T,
 * y_t = C_t h_t + D x_t, with B and C of its own for each head, a causal convolution over x, B and
 * C, and a gate SiLU(z + z_bias) before the output projection (goombalab/phi-mamba,
 * modules/mixers/discrete_mamba2.py).
 */
final class DiscreteMamba2 implements Mixer {

  private final Parameter inProjection; // rows: x, B, C, z, A
  private final Parameter convWeight; // (x, B and C channels, 1, conv width)
  private final Parameter convBias;
  private final Parameter gateBias; // (inner width)
  private final Parameter skip; // D, one for each head
  private final Parameter outProjection; // (width, inner width)
  private final MambaShape shape;
  private final CausalMask mask;

  DiscreteMamba2(ParameterSource source, String name, MambaShape shape, CausalMask mask) {
    long inner = shape.innerWidth();
    this.inProjection =
        source.parameter(name + ".in_proj.weight", shape.projectionRows(), shape.width());
    this.convWeight =
        source.parameter(name + ".conv1d.weight", shape.convChannels(), 1, shape.convWidth());
    this.convBias = source.parameter(name + ".conv1d.bias", shape.convChannels());
    this.gateBias = source.parameter(name + ".z_bias", inner);
    this.skip = source.parameter(name + ".D", shape.heads());
    this.outProjection = source.parameter(name + ".out_proj.weight", shape.width(), inner);
    this.shape = shape;
    this.mask = mask;
  }

  @Override
  public NDArray forward(NDArray u) {
    long batch = u.getShape().get(0);
    long length = u.getShape().get(1);
    long inner = shape.innerWidth();
    long states = (long) shape.heads() * shape.stateSize();
    NDArray projected = Operators.linear(u, inProjection.value()); // (batch, length, rows)
    NDArray xbc = convolve(Operators.narrow(projected, 2, 0, shape.convChannels()));
    NDArray x = heads(Operators.narrow(xbc, 2, 0, inner), shape.headSize());
    NDArray b = heads(Operators.narrow(xbc, 2, inner, states), shape.stateSize());
    NDArray c = heads(Operators.narrow(xbc, 2, inner + states, states), shape.stateSize());
    NDArray z = Operators.narrow(projected, 2, shape.convChannels(), inner);

    NDArray y = ChunkedScan.scan(x, b, c, logDecay(projected), shape.chunkSize(), mask);
    y = Operators.add(y, Operators.multiply(x, Operators.reshape(skip.value(), -1, 1)));
    y = Operators.reshape(y, batch, length, inner);
    NDArray gate = Operators.silu(Operators.add(z, gateBias.value()));
    return Operators.linear(Operators.multiply(y, gate), outProjection.value());
  }

  @Override
  public NDArray matrix(NDArray u) {
    long length = u.getShape().get(1);
    long inner = shape.innerWidth();
    long states = (long) shape.heads() * shape.stateSize();
    // x and z do not enter the matrix: their rows of the projection are left out.
    NDArray rows = Operators.narrow(inProjection.value(), 0, inner, 2 * states);
    NDArray weight = Operators.narrow(convWeight.value(), 0, inner, 2 * states);
    NDArray bias = Operators.narrow(convBias.value(), 0, inner, 2 * states);
    NDArray bc = convolve(Operators.linear(u, rows), weight, bias);
    NDArray b = heads(Operators.narrow(bc, 2, 0, states), shape.stateSize());
    NDArray c = heads(Operators.narrow(bc, 2, states, states), shape.stateSize());
    long firstDecay = inner + shape.convChannels();
    NDArray decayRows = Operators.narrow(inProjection.value(), 0, firstDecay, shape.heads());
    NDArray logDecay = logDecayOf(Operators.linear(u, decayRows));

    NDArray scores = // C_i . B_j: (batch, heads, length, length)
        Operators.matmul(Operators.permute(c, 0, 2, 1, 3), Operators.permute(b, 0, 2, 3, 1));
    NDArray sums = Operators.cumulativeSum(Operators.transpose(logDecay, 1, 2), 2);
    NDArray decays = ChunkedScan.factors(ChunkedScan.segmentSums(sums, mask), u);
    NDArray diagonal =
        Operators.multiply(Operators.reshape(skip.value(), -1, 1, 1), mask.identity(u, length));
    return Operators.add(Operators.multiply(scores, decays), diagonal);
  }

  private NDArray logDecay(NDArray projected) {
    long first = (long) shape.convChannels() + shape.innerWidth();
    return logDecayOf(Operators.narrow(projected, 2, first, shape.heads()));
  }

  /**
   * -softplus(A): (batch, length, heads). Running sums of many decays lose their small differences
   * in bfloat16, so from here on they are in the accumulation type.
   */
  private static NDArray logDecayOf(NDArray a) {
    ElementType type = ElementType.of(a).accumulationType();
    return Operators.negate(Operators.softplus(Operators.convert(a, type)));
  }

  private NDArray convolve(NDArray x) {
    return convolve(x, convWeight.value(), convBias.value());
  }

  /**
   * Causal depth-wise convolution as shifted products.
   *
   * @param x (batch, length, channels)
   * @param weight (channels, 1, conv width); the last tap is the position itself
   * @param bias (channels)
   */
  private NDArray convolve(NDArray x, NDArray weight, NDArray bias) {
    long length = x.getShape().get(1);
    int taps = shape.convWidth();
    NDArray padded = Operators.padLength(x, taps - 1L, 0);
    NDArray byTap = Operators.transpose(Operators.reshape(weight, -1, taps), 0, 1);
    NDArray sum = bias;
    for (int tap = 0; tap < taps; tap++) {
      NDArray shifted = Operators.narrow(padded, 1, tap, length);
      sum = Operators.add(sum, Operators.multiply(shifted, Operators.narrow(byTap, 0, tap, 1)));
    }
    return sum;
  }

  /** (batch, length, heads * size) to (batch, length, heads, size). */
  private NDArray heads(NDArray x, int size) {
    return Operators.reshape(x, x.getShape().get(0), x.getShape().get(1), shape.heads(), size);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(inProjection, convWeight, convBias, gateBias, skip, outProjection);
  }

  @Override
  public List<Parameter> matrixParameters() {
    return List.of(inProjection, convWeight, convBias, skip);
  }
}
