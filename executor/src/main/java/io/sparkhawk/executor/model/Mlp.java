package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.ElementKernels;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Phi's position-wise network: fc2(gelu_tanh(fc1(x))). */
record Mlp(Linear fc1, Linear fc2) {

  static Mlp from(ParameterSource source, String name, long width, long innerWidth) {
    return new Mlp(
        Linear.from(source, name + ".fc1", width, innerWidth),
        Linear.from(source, name + ".fc2", innerWidth, width));
  }

  NDArray forward(NDArray x) {
    NDArray inner = fc1.forward(x);
    Optional<ElementKernels> kernels = Gradients.isRecording() ? Optional.empty() : kernels(inner);
    return fc2.forward(kernels.map(k -> k.gelu(inner)).orElseGet(() -> Operators.geluTanh(inner)));
  }

  private static Optional<ElementKernels> kernels(NDArray inner) {
    return ElementKernels.fits(inner.size())
        ? Kernels.like(inner).map(Kernels::elements)
        : Optional.empty();
  }

  /** As {@link #forward}, with what the backward pass needs. */
  Pass train(NDArray x, boolean inputGradient) {
    if (Kernels.like(x).isPresent()) {
      NDArray inner = fc1.forward(x);
      Optional<ElementKernels> kernels = kernels(inner);
      if (kernels.isPresent()) {
        return new FusedPass(x, inputGradient, TensorScope.detach(inner), kernels.get());
      }
    }
    return RecordedPass.of(x, inputGradient, this::forward);
  }

  /** Keeps fc1's output alone and computes GELU again in the backward pass. */
  private final class FusedPass implements Pass {

    private final NDArray x;
    private final boolean inputGradient;
    private final NDArray inner;
    private final NDArray output;
    private final ElementKernels kernels;

    /**
     * @param x lives until the backward pass
     * @param inner belongs to this pass
     */
    FusedPass(NDArray x, boolean inputGradient, NDArray inner, ElementKernels kernels) {
      this.x = x;
      this.inputGradient = inputGradient;
      this.inner = inner;
      this.kernels = kernels;
      this.output = fc2.forward(kernels.gelu(inner));
    }

    @Override
    public NDArray output() {
      return output;
    }

    @Override
    public Optional<NDArray> backward(NDArray outputGradient) {
      NDArray g = Operators.rows(outputGradient);
      NDArray innerRows = Operators.rows(inner);
      NDArray innerGradient = fc2.inputGradient(g);
      NDArray activated = kernels.geluBackward(innerRows, innerGradient);
      fc2.addGradients(activated, g);
      fc1.addGradients(Operators.rows(x), innerGradient);
      return inputGradient
          ? Optional.of(
              Operators.reshape(fc1.inputGradient(innerGradient), x.getShape().getShape()))
          : Optional.empty();
    }

    @Override
    public void close() {
      inner.close();
    }
  }

  List<Parameter> parameters() {
    return Stream.of(fc1, fc2).flatMap(layer -> layer.parameters().stream()).toList();
  }
}
