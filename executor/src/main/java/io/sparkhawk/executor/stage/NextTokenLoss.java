package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;

/** The usual loss of a language model: how well each position predicts the next token. */
public final class NextTokenLoss {

  /** Logits per chunk, as many as {@link HeadLoss} holds. */
  private static final long CHUNK_ELEMENTS = 1L << 22;

  private NextTokenLoss() {}

  /**
   * -log p(token) of each token but the first of each row, in natural logarithms.
   *
   * @param ids token ids, row after row
   * @param rows number of rows; each has at least two tokens
   * @return rows times (length - 1) losses, row after row
   */
  public static double[] each(LanguageModel model, int[] ids, int rows) {
    int length = ids.length / rows;
    NDManager manager = model.manager();
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray hidden = model.hidden(manager.create(ids, new Shape(rows, length)));
      NDArray normed = model.finalNorm().forward(hidden);
      NDArray predicting = // (rows * (length - 1), width)
          Operators.reshape(
              Operators.narrow(normed, 1, 0, length - 1), (long) rows * (length - 1), -1);
      NDArray next = manager.create(nextTokens(ids, length), new Shape(predicting.size(0), 1));
      return each(model, predicting, next);
    }
  }

  private static long[] nextTokens(int[] ids, int length) {
    long[] next = new long[ids.length / length * (length - 1)];
    for (int i = 0, n = 0; i < ids.length; i++) {
      if (i % length != 0) {
        next[n++] = ids[i];
      }
    }
    return next;
  }

  private static double[] each(LanguageModel model, NDArray x, NDArray next) {
    int rows = (int) x.size(0);
    int chunk = (int) Math.max(1, CHUNK_ELEMENTS / model.vocabulary());
    double[] losses = new double[rows];
    for (int first = 0; first < rows; first += chunk) {
      int count = Math.min(chunk, rows - first);
      try (TensorScope scope = TensorScope.open()) {
        NDArray logits = model.head().forward(Operators.narrow(x, 0, first, count));
        NDArray logP =
            Operators.logSoftmax(
                Operators.convert(logits, ElementType.of(logits).accumulationType()));
        NDArray picked = Operators.gather(logP, Operators.narrow(next, 0, first, count));
        double[] some = Operators.toDoubles(picked);
        for (int i = 0; i < count; i++) {
          losses[first + i] = -some[i];
        }
      }
    }
    return losses;
  }
}
