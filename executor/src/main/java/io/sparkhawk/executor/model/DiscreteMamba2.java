package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
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
    NDArray projected = Operators.linear(u, inProjection.value());
    Operands in = operands(projected, Operators.padLength(channels(projected), taps() - 1, 0));
    return output(in, ChunkedScan.scan(in.x, in.b, in.c, in.logDecay, shape.chunkSize(), mask));
  }

  /**
   * What goes into the recurrence and the gate.
   *
   * @param x (batch, length, heads, head size)
   * @param b (batch, length, heads, state size)
   * @param c like b
   * @param logDecay (batch, length, heads)
   * @param z (batch, length, inner width)
   */
  private record Operands(NDArray x, NDArray b, NDArray c, NDArray logDecay, NDArray z) {}

  /**
   * Convolution and cutting of the input projection.
   *
   * @param projected (batch, length, rows)
   * @param window the channels of x, B and C with the conv width - 1 positions before them
   */
  private Operands operands(NDArray projected, NDArray window) {
    long inner = shape.innerWidth();
    long states = (long) shape.heads() * shape.stateSize();
    NDArray xbc = convolve(window, convWeight.value(), convBias.value());
    return new Operands(
        heads(Operators.narrow(xbc, 2, 0, inner), shape.headSize()),
        heads(Operators.narrow(xbc, 2, inner, states), shape.stateSize()),
        heads(Operators.narrow(xbc, 2, inner + states, states), shape.stateSize()),
        logDecay(projected),
        Operators.narrow(projected, 2, shape.convChannels(), inner));
  }

  /** Skip connection, gate and output projection on the recurrence's y, which is like x. */
  private NDArray output(Operands in, NDArray recurrence) {
    NDArray skipped = Operators.multiply(in.x, Operators.reshape(skip.value(), -1, 1));
    NDArray y = Operators.reshape(Operators.add(recurrence, skipped), in.z.getShape().getShape());
    NDArray gate = Operators.silu(Operators.add(in.z, gateBias.value()));
    return Operators.linear(Operators.multiply(y, gate), outProjection.value());
  }

  /** The channels of x, B and C before the convolution. */
  private NDArray channels(NDArray projected) {
    return Operators.narrow(projected, 2, 0, shape.convChannels());
  }

  private long taps() {
    return shape.convWidth();
  }

  @Override
  public MixerState start(long batch) {
    return new Recurrence(batch);
  }

  /**
   * The mixer as a recurrence: the convolution's last inputs and the state of each head, in memory
   * that does not depend on the length. The state is of the accumulation type: it sums over the
   * whole sequence.
   */
  private final class Recurrence implements MixerState {

    private final ElementType type = ElementType.of(inProjection.value());
    private final HeldTensor window; // (batch, conv width - 1, channels)
    private final HeldTensor state; // (batch, heads, state size, head size)

    Recurrence(long batch) {
      NDManager manager = inProjection.value().getManager();
      window =
          new HeldTensor(Operators.zeros(manager, type, batch, taps() - 1, shape.convChannels()));
      state =
          new HeldTensor(
              Operators.zeros(
                  manager,
                  type.accumulationType(),
                  batch,
                  shape.heads(),
                  shape.stateSize(),
                  shape.headSize()));
    }

    @Override
    public NDArray advance(NDArray u) {
      long length = u.getShape().get(1);
      NDArray projected = Operators.linear(u, inProjection.value());
      NDArray inputs = Operators.concatenate(List.of(window.get(), channels(projected)), 1);
      Operands in = operands(projected, inputs);
      ChunkedScan.Continued next = next(in, length);
      window.set(Operators.narrow(inputs, 1, length, taps() - 1).duplicate());
      state.set(next.state());
      return output(in, Operators.convert(next.y(), type));
    }

    private ChunkedScan.Continued next(Operands in, long length) {
      NDArray x = accumulated(in.x);
      NDArray b = accumulated(in.b);
      NDArray c = accumulated(in.c);
      NDArray logDecay = accumulated(in.logDecay);
      return length == 1
          ? ChunkedScan.step(state.get(), x, b, c, logDecay)
          : ChunkedScan.resume(state.get(), x, b, c, logDecay, shape.chunkSize(), mask);
    }

    private NDArray accumulated(NDArray x) {
      return Operators.convert(x, type.accumulationType());
    }

    @Override
    public long bytes() {
      return window.bytes() + state.bytes();
    }

    @Override
    public void close() {
      window.close();
      state.close();
    }
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
    NDArray channels = Operators.padLength(Operators.linear(u, rows), taps() - 1, 0);
    NDArray bc = convolve(channels, weight, bias);
    NDArray b = heads(Operators.narrow(bc, 2, 0, states), shape.stateSize());
    NDArray c = heads(Operators.narrow(bc, 2, states, states), shape.stateSize());
    long firstDecay = inner + shape.convChannels();
    NDArray decayRows = Operators.narrow(inProjection.value(), 0, firstDecay, shape.heads());
    NDArray logDecay = Operators.negate(Operators.softplus(Operators.linear(u, decayRows)));

    NDArray scores = // C_i . B_j: (batch, heads, length, length)
        Operators.matmul(Operators.permute(c, 0, 2, 1, 3), Operators.permute(b, 0, 2, 3, 1));
    NDArray sums = Operators.cumulativeSum(Operators.transpose(logDecay, 1, 2), 2);
    NDArray decays = Operators.exp(ChunkedScan.segmentSums(sums, mask));
    NDArray diagonal =
        Operators.multiply(Operators.reshape(skip.value(), -1, 1, 1), mask.identity(u, length));
    return Operators.add(Operators.multiply(scores, decays), diagonal);
  }

  /** -softplus(A): (batch, length, heads). */
  private NDArray logDecay(NDArray projected) {
    long first = (long) shape.convChannels() + shape.innerWidth();
    return Operators.negate(
        Operators.softplus(Operators.narrow(projected, 2, first, shape.heads())));
  }

  /**
   * Causal depth-wise convolution as shifted products.
   *
   * @param window (batch, conv width - 1 + length, channels)
   * @param weight (channels, 1, conv width); the last tap is the position itself
   * @param bias (channels)
   * @return (batch, length, channels)
   */
  private NDArray convolve(NDArray window, NDArray weight, NDArray bias) {
    long length = window.getShape().get(1) - taps() + 1;
    NDArray byTap = Operators.transpose(Operators.reshape(weight, -1, taps()), 0, 1);
    NDArray sum = bias;
    for (int tap = 0; tap < taps(); tap++) {
      NDArray shifted = Operators.narrow(window, 1, tap, length);
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
