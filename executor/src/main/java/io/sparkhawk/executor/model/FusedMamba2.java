package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.kernel.MixerKernels;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Optional;

/**
 * {@link DiscreteMamba2} through kernels of our own: what is between the two projections is one
 * kernel forward, and two backward.
 */
final class FusedMamba2 {

  private final Parameter inProjection;
  private final CausalConvolution convolution;
  private final GatedOutput output;
  private final MixerKernels kernels;

  private FusedMamba2(
      Parameter inProjection,
      CausalConvolution convolution,
      GatedOutput output,
      MixerKernels kernels) {
    this.inProjection = inProjection;
    this.convolution = convolution;
    this.output = output;
    this.kernels = kernels;
  }

  /** The same mixer; empty where there are no kernels for its type, device or sizes. */
  static Optional<FusedMamba2> of(
      Parameter inProjection, CausalConvolution convolution, GatedOutput output, MixerShape shape) {
    if (shape.kind() != MixerKind.MAMBA2) {
      return Optional.empty();
    }
    return Kernels.like(inProjection.value())
        .flatMap(
            found ->
                found.mixer(shape.heads(), shape.headSize(), shape.stateSize(), shape.convWidth()))
        .map(kernels -> new FusedMamba2(inProjection, convolution, output, kernels));
  }

  MixerKernels kernels() {
    return kernels;
  }

  private MixerKernels.Weights weights() {
    return new MixerKernels.Weights(
        convolution.weight().value(),
        convolution.bias().value(),
        output.gateBias().value(),
        output.skip().value());
  }

  NDArray forward(NDArray u) {
    NDArray projected = Operators.linear(u, inProjection.value());
    return Operators.linear(kernels.forward(projected, weights()), output.projection().value());
  }

  Pass train(NDArray u, boolean inputGradient) {
    NDArray projected = TensorScope.detach(Operators.linear(u, inProjection.value()));
    MixerKernels.Forward mixed = kernels.forwardForTraining(projected, weights());
    return new FusedPass(
        u,
        inputGradient,
        projected,
        TensorScope.detach(mixed.out()),
        TensorScope.detach(mixed.states()),
        Operators.linear(mixed.out(), output.projection().value()));
  }

  /** Adds the gradient of the convolution's taps and bias, (channels, 5), from a channel on. */
  void addConvolutionGradients(NDArray taps, long firstChannel) {
    long channels = taps.getShape().get(0);
    addPart(
        convolution.weight(),
        Operators.reshape(Operators.narrow(taps, 1, 0, 4), channels, 1, 4),
        firstChannel);
    addPart(
        convolution.bias(),
        Operators.reshape(Operators.narrow(taps, 1, 4, 1), channels),
        firstChannel);
  }

  /** Adds to the gradients of some rows of a parameter. */
  static void addPart(Parameter parameter, NDArray part, long firstRow) {
    if (parameter.isTrained()) {
      Operators.addInPlace(
          Operators.narrow(parameter.gradient(), 0, firstRow, part.getShape().get(0)), part);
    }
  }

  /** A forward pass with the tensors that it keeps. */
  private final class FusedPass implements Pass {

    private final NDArray u;
    private final boolean inputGradient;
    private final NDArray projected;
    private final NDArray mixed;
    private final NDArray states;
    private final NDArray out;

    FusedPass(
        NDArray u,
        boolean inputGradient,
        NDArray projected,
        NDArray mixed,
        NDArray states,
        NDArray out) {
      this.u = u;
      this.inputGradient = inputGradient;
      this.projected = projected;
      this.mixed = mixed;
      this.states = states;
      this.out = out;
    }

    @Override
    public NDArray output() {
      return out;
    }

    @Override
    public Optional<NDArray> backward(NDArray outputGradient) {
      NDArray g = Operators.rows(outputGradient);
      Linear.addWeightGradient(output.projection(), Operators.rows(mixed), g);
      NDArray mixedGradient =
          Operators.matrixProduct(g, Gradients.constant(output.projection().value()));
      MixerKernels.Backward gradients =
          kernels.backward(projected, weights(), states, mixedGradient);
      addConvolutionGradients(gradients.convolution(), 0);
      output.skip().addGradient(gradients.skip());
      NDArray rows = Operators.rows(gradients.projected());
      if (output.gateBias().isTrained()) {
        long inner = output.gateBias().size();
        NDArray gate = Operators.narrow(rows, 1, convolution.bias().size(), inner);
        output.gateBias().addGradient(Operators.sum(gate, 0));
      }
      Linear.addWeightGradient(inProjection, Operators.rows(u), rows);
      return inputGradient ? Optional.of(through(rows)) : Optional.empty();
    }

    private NDArray through(NDArray projectedGradient) {
      return Operators.reshape(
          Operators.matrixProduct(projectedGradient, Gradients.constant(inProjection.value())),
          u.getShape().getShape());
    }

    @Override
    public void close() {
      projected.close();
      mixed.close();
      states.close();
    }
  }
}
