package io.sparkhawk.executor.evaluate;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Scores continuations with a model, requests of similar length together. Shorter rows are filled
 * up at their end, which changes nothing: the model is causal. Logits are computed for the
 * continuations' positions alone, and their softmax in float32 or better.
 */
final class ContinuationScorer {

  /** Token positions that are computed at once, filling included. */
  static final int POSITIONS_AT_ONCE = 4096;

  /** Logits that exist at once: 16 MiB in float32. */
  private static final long LOGITS_AT_ONCE = 1L << 22;

  private final LanguageModel model;
  private final int positionsAtOnce;

  /**
   * @param positionsAtOnce the size of a batch; a longer row is a batch of its own
   */
  ContinuationScorer(LanguageModel model, int positionsAtOnce) {
    this.model = model;
    this.positionsAtOnce = positionsAtOnce;
  }

  /** The scores of all requests, in their order. */
  List<Score> score(List<EncodedRequest> requests) {
    int[] longestFirst =
        IntStream.range(0, requests.size())
            .boxed()
            .sorted(Comparator.comparingInt(i -> -requests.get(i).inputLength()))
            .mapToInt(i -> i)
            .toArray();
    Score[] scores = new Score[requests.size()];
    for (int first = 0, rows; first < longestFirst.length; first += rows) {
      int length = requests.get(longestFirst[first]).inputLength();
      rows = Math.min(Math.max(1, positionsAtOnce / length), longestFirst.length - first);
      List<EncodedRequest> batch = new ArrayList<>();
      for (int row = 0; row < rows; row++) {
        batch.add(requests.get(longestFirst[first + row]));
      }
      List<Score> found = scoreBatch(batch, length);
      for (int row = 0; row < rows; row++) {
        scores[longestFirst[first + row]] = found.get(row);
      }
    }
    return List.of(scores);
  }

  private List<Score> scoreBatch(List<EncodedRequest> batch, int length) {
    int[] ids = new int[batch.size() * length];
    for (int row = 0; row < batch.size(); row++) {
      EncodedRequest request = batch.get(row);
      System.arraycopy(request.ids(), 0, ids, row * length, request.inputLength());
    }
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray hidden = // (rows, length, width)
          model.hidden(model.manager().create(ids, new Shape(batch.size(), length)));
      NDArray predicting = predictingPositions(hidden, batch);
      return read(model.finalNorm().forward(predicting), batch);
    }
  }

  /** The hidden states that predict the continuations, one row after the other: (n, width). */
  private static NDArray predictingPositions(NDArray hidden, List<EncodedRequest> batch) {
    List<NDArray> parts = new ArrayList<>();
    for (int row = 0; row < batch.size(); row++) {
      EncodedRequest request = batch.get(row);
      int count = request.continuation();
      NDArray states = Operators.narrow(hidden, 0, row, 1);
      parts.add(
          Operators.reshape(
              Operators.narrow(states, 1, request.inputLength() - count, count), count, -1));
    }
    return Operators.concatenate(parts, 0);
  }

  private List<Score> read(NDArray predicting, List<EncodedRequest> batch) {
    long[] next =
        batch.stream()
            .flatMapToInt(
                r ->
                    IntStream.range(r.ids().length - r.continuation(), r.ids().length)
                        .map(i -> r.ids()[i]))
            .asLongStream()
            .toArray();
    double[] logP = new double[next.length];
    long[] best = new long[next.length];
    long chunk = Math.max(1, LOGITS_AT_ONCE / model.vocabulary());
    for (int first = 0; first < next.length; ) {
      int count = (int) Math.min(chunk, next.length - first);
      readChunk(Operators.narrow(predicting, 0, first, count), next, first, logP, best);
      first += count;
    }
    List<Score> scores = new ArrayList<>();
    int at = 0;
    for (EncodedRequest request : batch) {
      double sum = 0;
      boolean greedy = true;
      for (int end = at + request.continuation(); at < end; at++) {
        sum += logP[at];
        greedy &= best[at] == next[at];
      }
      scores.add(new Score(sum, greedy));
    }
    return scores;
  }

  private void readChunk(NDArray states, long[] next, int first, double[] logP, long[] best) {
    int count = (int) states.size(0);
    try (TensorScope scope = TensorScope.open()) {
      NDArray logits = model.head().forward(states); // (count, vocabulary)
      NDArray all =
          Operators.logSoftmax(
              Operators.convert(logits, ElementType.of(logits).accumulationType()));
      long[] wanted = Arrays.copyOfRange(next, first, first + count);
      NDArray picked = Operators.gather(all, model.manager().create(wanted, new Shape(count, 1)));
      System.arraycopy(Operators.toDoubles(picked), 0, logP, first, count);
      System.arraycopy(all.argMax(1).toLongArray(), 0, best, first, count);
    }
  }
}
