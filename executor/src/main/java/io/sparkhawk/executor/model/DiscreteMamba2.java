package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The discrete Mamba-2 mixer of Phi-Mamba: per head h_t = exp(-softplus(A_t)) h_{t-1} + B_t x_t^T,
 * y_t = C_t h_t + D x_t, with B and C of its own for each head, a causal convolution over x, B and
 * C, and a gate SiLU(z + z_bias) before the output projection (goombalab/phi-mamba,
 * modules/mixers/discrete_mamba2.py).
 *
 * <p>{@link MixerKind#LOW_RANK} is the same mixer without decay: A is not there and the factor is
 * 1, which makes it causal linear attention.
 */
final class DiscreteMamba2 implements Mixer {

  private final Parameter inProjection; // rows: x, B, C, z, A
  private final CausalConvolution convolution; // over x, B and C
  private final GatedOutput output;
  private final MixerShape shape;
  private final CausalMask mask;
  private final Optional<FusedMamba2> fused;

  DiscreteMamba2(ParameterSource source, String name, MixerShape shape, CausalMask mask) {
    this.inProjection =
        source.parameter(name + ".in_proj.weight", shape.projectionRows(), shape.width());
    this.convolution =
        new CausalConvolution(source, name + ".conv1d", shape.convChannels(), shape.convWidth());
    this.output = new GatedOutput(source, name, shape);
    this.shape = shape;
    this.mask = mask;
    this.fused = FusedMamba2.of(inProjection, convolution, output, shape);
  }

  @Override
  public NDArray forward(NDArray u) {
    return fused.isPresent() && !Gradients.isRecording() ? fused.get().forward(u) : composed(u);
  }

  @Override
  public Pass train(NDArray u, boolean inputGradient) {
    return fused
        .map(mixer -> mixer.train(u, inputGradient))
        .orElseGet(() -> RecordedPass.of(u, inputGradient, this::composed));
  }

  /** The distance from an attention map without matrices; empty where there are no kernels. */
  Optional<MatrixDistance> distanceFrom(PhiAttention attention, Block block) {
    return fused.flatMap(
        mixer ->
            attention
                .matrixKernels(shape.heads(), shape.stateSize())
                .map(
                    kernels ->
                        new FusedDistance(
                            attention,
                            block,
                            mixer,
                            shape,
                            inProjection,
                            convolution,
                            output.skip(),
                            kernels)));
  }

  /** The forward pass in plain operators. */
  private NDArray composed(NDArray u) {
    NDArray projected = Operators.linear(u, inProjection.value());
    Operands in = operands(projected, convolution.forward(channels(projected)));
    NDArray y = ChunkedScan.scan(in.x, in.b, in.c, in.logDecay, shape.chunkSize(), mask);
    return output.forward(y, in.x, in.z);
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
   * Cuts the input projection and its convolved channels.
   *
   * @param projected (batch, length, rows)
   * @param xbc the channels of x, B and C after the convolution
   */
  private Operands operands(NDArray projected, NDArray xbc) {
    long inner = shape.innerWidth();
    long states = shape.stateChannels();
    return new Operands(
        heads(Operators.narrow(xbc, 2, 0, inner), shape.headSize()),
        heads(Operators.narrow(xbc, 2, inner, states), shape.stateSize()),
        heads(Operators.narrow(xbc, 2, inner + states, states), shape.stateSize()),
        logDecay(projected),
        Operators.narrow(projected, 2, shape.convChannels(), inner));
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
      Operands in = operands(projected, convolution.over(inputs, 0));
      ChunkedScan.Continued next = next(in, length);
      window.set(Operators.narrow(inputs, 1, length, taps() - 1).duplicate());
      state.set(next.state());
      return output.forward(Operators.convert(next.y(), type), in.x, in.z);
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
    long states = shape.stateChannels();
    // x and z do not enter the matrix: their rows of the projection are left out.
    NDArray rows = Operators.narrow(inProjection.value(), 0, inner, 2 * states);
    NDArray bc = convolution.forward(Operators.linear(u, rows), inner);
    NDArray b = heads(Operators.narrow(bc, 2, 0, states), shape.stateSize());
    NDArray c = heads(Operators.narrow(bc, 2, states, states), shape.stateSize());

    NDArray scores = // C_i . B_j: (batch, heads, length, length)
        Operators.matmul(Operators.permute(c, 0, 2, 1, 3), Operators.permute(b, 0, 2, 3, 1));
    NDArray sums = Operators.cumulativeSum(Operators.transpose(matrixLogDecay(u), 1, 2), 2);
    NDArray decays = ChunkedScan.factors(ChunkedScan.segmentSums(sums, mask), u);
    return Operators.add(
        Operators.multiply(scores, decays), output.diagonal(mask.identity(u, length)));
  }

  private NDArray matrixLogDecay(NDArray u) {
    if (!shape.kind().decays()) {
      return noDecay(u);
    }
    NDArray rows = Operators.narrow(inProjection.value(), 0, firstDecayRow(), shape.heads());
    return logDecayOf(Operators.linear(u, rows));
  }

  /** -softplus(A), or 0 if nothing decays: (batch, length, heads). */
  private NDArray logDecay(NDArray projected) {
    if (!shape.kind().decays()) {
      return noDecay(projected);
    }
    return logDecayOf(Operators.narrow(projected, 2, firstDecayRow(), shape.heads()));
  }

  /**
   * -softplus(A): (batch, length, heads). Running sums of many decays lose their small differences
   * in bfloat16, so from here on they are in the accumulation type.
   */
  private static NDArray logDecayOf(NDArray a) {
    ElementType type = ElementType.of(a).accumulationType();
    return Operators.negate(Operators.softplus(Operators.convert(a, type)));
  }

  private NDArray noDecay(NDArray like) {
    return Operators.zeros(
        like.getManager(),
        ElementType.of(like).accumulationType(),
        like.getShape().get(0),
        like.getShape().get(1),
        shape.heads());
  }

  private long firstDecayRow() {
    return (long) shape.convChannels() + shape.innerWidth();
  }

  /** (batch, length, heads * size) to (batch, length, heads, size). */
  private NDArray heads(NDArray x, int size) {
    return Operators.reshape(x, x.getShape().get(0), x.getShape().get(1), shape.heads(), size);
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.of(List.of(inProjection), convolution.parameters(), output.parameters())
        .flatMap(List::stream)
        .toList();
  }

  @Override
  public List<Parameter> matrixParameters() {
    return Stream.of(List.of(inProjection), convolution.parameters(), List.of(output.skip()))
        .flatMap(List::stream)
        .toList();
  }
}
