package io.sparkhawk.executor.generate;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MixerState;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;

/**
 * One sequence that a model goes along, with a state for each block: each position is computed
 * once. Not safe for use by several threads; the model must outlive it.
 */
public final class Decoder implements AutoCloseable {

  /** Longer inputs are cut into pieces of this length, which bounds the memory of a long prompt. */
  private static final int PIECE = 1024;

  private final LanguageModel model;
  private final List<MixerState> states;

  private Decoder(LanguageModel model, List<MixerState> states) {
    this.model = model;
    this.states = states;
  }

  /** Starts an empty sequence. */
  public static Decoder start(LanguageModel model) {
    return new Decoder(
        model, model.blocks().stream().map(block -> block.mixer().start(1)).toList());
  }

  /** The longest sequence, in positions, that the model can take. */
  public static long longestSequence(LanguageModel model) {
    return model.blocks().stream()
        .mapToLong(block -> block.mixer().longestSequence())
        .min()
        .orElse(Long.MAX_VALUE);
  }

  /**
   * Appends tokens to the sequence, all positions at once.
   *
   * @param ids at least one
   * @return the logits of the token that follows them, one for each id of the vocabulary
   */
  public float[] advance(int... ids) {
    for (int first = 0; first + PIECE < ids.length; first += PIECE) {
      try (TensorScope scope = TensorScope.open()) {
        hidden(Arrays.copyOfRange(ids, first, first + PIECE));
      }
    }
    int last = (ids.length - 1) / PIECE * PIECE;
    try (TensorScope scope = TensorScope.open()) {
      NDArray hidden = hidden(Arrays.copyOfRange(ids, last, ids.length));
      return HostMemory.floats(logits(Operators.narrow(hidden, 1, ids.length - last - 1L, 1)));
    }
  }

  /** Appends tokens and gives their hidden states after the last block: (1, ids, width). */
  NDArray hidden(int... ids) {
    try (Gradients paused = Gradients.pause();
        TensorScope outer = TensorScope.open()) {
      NDArray hidden = model.embed(model.manager().create(ids, new Shape(1, ids.length)));
      for (int i = 0; i < states.size(); i++) {
        Block block = model.blocks().get(i);
        try (TensorScope inner = TensorScope.open()) {
          hidden = inner.keep(block.forward(hidden, states.get(i)));
        }
      }
      return outer.keep(hidden);
    }
  }

  /** (1, length, width) to (1, length, vocabulary). */
  NDArray logits(NDArray hidden) {
    try (Gradients paused = Gradients.pause()) {
      return model.head().forward(model.finalNorm().forward(hidden));
    }
  }

  /** The tensor memory, in bytes, that the sequence so far takes. */
  public long bytes() {
    return states.stream().mapToLong(MixerState::bytes).sum();
  }

  @Override
  public void close() {
    states.forEach(MixerState::close);
  }
}
