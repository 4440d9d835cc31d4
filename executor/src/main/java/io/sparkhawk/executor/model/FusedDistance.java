package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.MatrixKernels;
import io.sparkhawk.executor.kernel.MixerKernels;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;

/**
 * Compares a Mamba-2 mixer with attention without either matrix: the kernels make, compare and
 * differentiate them tile by tile. The gradients reach B, C and A of the input projection, the
 * convolution of B and C, D, and the normalisation if it is trained.
 */
final class FusedDistance implements MatrixDistance {

  /** Added to norms that gradients are divided by. */
  private static final double TINY = 1e-20;

  private final PhiAttention attention;
  private final Block student;
  private final FusedMamba2 mixer;
  private final MixerShape shape;
  private final Parameter inProjection;
  private final CausalConvolution convolution;
  private final Parameter skip;
  private final MatrixKernels kernels;

  FusedDistance(
      PhiAttention attention,
      Block student,
      FusedMamba2 mixer,
      MixerShape shape,
      Parameter inProjection,
      CausalConvolution convolution,
      Parameter skip,
      MatrixKernels kernels) {
    this.attention = attention;
    this.student = student;
    this.mixer = mixer;
    this.shape = shape;
    this.inProjection = inProjection;
    this.convolution = convolution;
    this.skip = skip;
    this.kernels = kernels;
  }

  /** What leads to the mixer's matrix. */
  private record Inputs(NDArray raw, NDArray a, NDArray convolved, NDArray sums) {}

  @Override
  public Result measure(NDArray hidden, NDArray u) {
    PhiAttention.QueriesAndKeys teacher = attention.queriesAndKeys(u);
    Inputs in = inputs(student.normalise(hidden));
    NDArray norms = Operators.squareRoot(compare(teacher, in).squares());
    return new Result(Operators.mean(norms), attention.forward(u, teacher));
  }

  @Override
  public Result train(NDArray hidden, NDArray u, double weight) {
    PhiAttention.QueriesAndKeys teacher = attention.queriesAndKeys(u);
    try (Pass norm = student.trainNorm(hidden)) {
      NDArray us = norm.output();
      Inputs in = inputs(us);
      MatrixKernels.Distance distance = compare(teacher, in);
      NDArray norms = Operators.squareRoot(distance.squares()); // (batch, heads)
      backward(norm, us, in, distance, norms, weight);
      return new Result(Operators.mean(norms), attention.forward(u, teacher));
    }
  }

  private MatrixKernels.Distance compare(PhiAttention.QueriesAndKeys teacher, Inputs in) {
    return kernels.compare(
        new MatrixKernels.Operands(
            teacher.queries(), teacher.keys(), in.convolved, in.sums, skip.value()));
  }

  private NDArray rowsOfBAndC() {
    return Operators.narrow(constant(inProjection), 0, shape.innerWidth(), channels());
  }

  private NDArray rowsOfA() {
    return Operators.narrow(constant(inProjection), 0, firstDecayRow(), shape.heads());
  }

  private long channels() {
    return 2L * shape.stateChannels();
  }

  private long firstDecayRow() {
    return (long) shape.convChannels() + shape.innerWidth();
  }

  private static NDArray constant(Parameter parameter) {
    return Gradients.constant(parameter.value());
  }

  private Inputs inputs(NDArray us) {
    NDArray raw = Operators.linear(us, rowsOfBAndC());
    NDArray a = // (batch, heads, length), float32
        Operators.contiguous(
            Operators.transpose(
                Operators.convert(Operators.linear(us, rowsOfA()), ElementType.FLOAT32), 1, 2));
    NDArray convolved =
        mixer
            .kernels()
            .convolve(raw, channelsOf(convolution.weight()), channelsOf(convolution.bias()));
    return new Inputs(
        raw, a, convolved, Operators.cumulativeSum(Operators.negate(Operators.softplus(a)), 2));
  }

  private NDArray channelsOf(Parameter parameter) {
    return Operators.narrow(constant(parameter), 0, shape.innerWidth(), channels());
  }

  private void backward(
      Pass norm,
      NDArray us,
      Inputs in,
      MatrixKernels.Distance distance,
      NDArray norms,
      double weight) {
    double share = weight / norms.size();
    NDArray positive = Operators.scale(norms, 1);
    Operators.addInPlace(positive, TINY);
    NDArray scale = Operators.divide(Operators.filledLike(norms, share), positive);
    MixerKernels.ConvolutionBackward through =
        mixer
            .kernels()
            .convolveBackward(
                in.raw, channelsOf(convolution.weight()), distance.convolved(), scale);
    mixer.addConvolutionGradients(through.taps(), shape.innerWidth());
    skip.addGradient(Operators.sum(Operators.multiply(distance.skip(), scale), 0));
    NDArray rows = Operators.rows(through.raw());
    NDArray decays = Operators.rows(decayGradient(in.a, distance.sums(), scale));
    NDArray input = Operators.rows(us);
    FusedMamba2.addPart(inProjection, product(rows, input), shape.innerWidth());
    FusedMamba2.addPart(inProjection, product(decays, input), firstDecayRow());
    if (student.isNormTrained()) {
      NDArray gradient =
          Operators.add(
              Operators.matrixProduct(rows, rowsOfBAndC()),
              Operators.matrixProduct(decays, rowsOfA()));
      norm.backward(Operators.reshape(gradient, us.getShape().getShape()));
    }
  }

  private static NDArray product(NDArray outputGradient, NDArray input) {
    return Operators.matrixProduct(Operators.transpose(outputGradient, 0, 1), input);
  }

  /**
   * The gradient of A: that of log a at t is the sum of the gradients of the running sums from t
   * on.
   *
   * @return (batch, length, heads), bfloat16
   */
  private static NDArray decayGradient(NDArray a, NDArray sumsGradient, NDArray scale) {
    NDArray scaled = Operators.multiply(sumsGradient, Operators.unsqueeze(scale, 2));
    NDArray before = Operators.subtract(Operators.cumulativeSum(scaled, 2), scaled);
    NDArray all = Operators.unsqueeze(Operators.sum(scaled, 2), 2);
    NDArray fromHere = Operators.subtract(all, before);
    NDArray gradient = Operators.multiply(fromHere, Operators.negate(Operators.sigmoid(a)));
    return Operators.contiguous(
        Operators.convert(Operators.transpose(gradient, 1, 2), ElementType.BFLOAT16));
  }
}
