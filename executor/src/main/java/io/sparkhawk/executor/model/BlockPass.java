package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;
import java.util.Optional;

/** A block's normalisation, and one or both of its branches, as passes that follow each other. */
final class BlockPass implements Pass {

  private final Pass norm;
  private final List<Pass> branches;
  private final boolean residual;
  private final NDArray output;

  private BlockPass(Pass norm, List<Pass> branches, boolean residual, NDArray output) {
    this.norm = norm;
    this.branches = branches;
    this.residual = residual;
    this.output = output;
  }

  /** out = hidden + mixer(norm(hidden)) + mlp(norm(hidden)). */
  static Pass ofBlock(Pass norm, Pass mixer, Pass mlp, NDArray hidden) {
    NDArray sum = Operators.add(Operators.add(mixer.output(), mlp.output()), hidden);
    return new BlockPass(norm, List.of(mixer, mlp), true, sum);
  }

  /** out = mixer(norm(hidden)). */
  static Pass ofMixer(Pass norm, Pass mixer) {
    return new BlockPass(norm, List.of(mixer), false, mixer.output());
  }

  @Override
  public NDArray output() {
    return output;
  }

  @Override
  public Optional<NDArray> backward(NDArray outputGradient) {
    Optional<NDArray> normGradient =
        branches.stream()
            .map(branch -> branch.backward(outputGradient))
            .reduce((a, b) -> a.flatMap(x -> b.map(y -> Operators.add(x, y))))
            .orElseThrow()
            .flatMap(norm::backward);
    return residual ? normGradient.map(g -> Operators.add(g, outputGradient)) : normGradient;
  }

  @Override
  public void close() {
    branches.forEach(Pass::close);
    norm.close();
  }
}
