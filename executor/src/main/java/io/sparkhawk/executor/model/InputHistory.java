package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.Operators;
import java.util.ArrayList;
import java.util.List;

/**
 * The state of a mixer without a recurrent form: all inputs so far, on which each step computes the
 * mixer anew. Right for every causal mixer, but memory and time per step grow with the sequence.
 */
final class InputHistory implements MixerState {

  private final Mixer mixer;
  private final List<HeldTensor> pieces = new ArrayList<>();

  InputHistory(Mixer mixer) {
    this.mixer = mixer;
  }

  @Override
  public NDArray advance(NDArray u) {
    pieces.add(HeldTensor.copyOf(u));
    NDArray whole = Operators.concatenate(pieces.stream().map(HeldTensor::get).toList(), 1);
    long length = u.getShape().get(1);
    return Operators.narrow(mixer.forward(whole), 1, whole.getShape().get(1) - length, length);
  }

  @Override
  public long bytes() {
    return pieces.stream().mapToLong(HeldTensor::bytes).sum();
  }

  @Override
  public void close() {
    pieces.forEach(HeldTensor::close);
  }
}
