package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;

/**
 * What follows the mixing in every mixer of a student: the skip D x, the gate SiLU(z + z_bias) and
 * the output projection (goombalab/phi-mamba, modules/mixers/discrete_mamba2.py).
 */
final class GatedOutput {

  private final Parameter gateBias; // (inner width)
  private final Parameter skip; // D, one for each head
  private final Parameter projection; // (width, inner width)

  GatedOutput(ParameterSource source, String name, MixerShape shape) {
    long inner = shape.innerWidth();
    this.gateBias = source.parameter(name + ".z_bias", inner);
    this.skip = source.parameter(name + ".D", shape.heads());
    this.projection = source.parameter(name + ".out_proj.weight", shape.width(), inner);
  }

  /**
   * The mixer's output.
   *
   * @param mixed (batch, length, heads, head size)
   * @param x what was mixed, like {@code mixed}
   * @param z (batch, length, inner width)
   * @return (batch, length, width)
   */
  NDArray forward(NDArray mixed, NDArray x, NDArray z) {
    NDArray y = Operators.add(mixed, Operators.multiply(x, Operators.reshape(skip.value(), -1, 1)));
    NDArray gate = Operators.silu(Operators.add(z, gateBias.value()));
    return Operators.linear(
        Operators.multiply(Operators.reshape(y, z.getShape().getShape()), gate),
        projection.value());
  }

  /** The skip as a part of the mixer's matrix: (heads, length, length), D on the diagonal. */
  NDArray diagonal(NDArray identity) {
    return Operators.multiply(Operators.reshape(skip.value(), -1, 1, 1), identity);
  }

  /** D, the only weight here that the mixer's matrix depends on. */
  Parameter skip() {
    return skip;
  }

  Parameter gateBias() {
    return gateBias;
  }

  Parameter projection() {
    return projection;
  }

  List<Parameter> parameters() {
    return List.of(gateBias, skip, projection);
  }
}
