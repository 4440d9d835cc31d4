package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.stage.HiddenObjective;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.MatrixObjective;
import io.sparkhawk.executor.stage.NextTokenLoss;
import io.sparkhawk.executor.stage.Objective;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.List;
import java.util.stream.IntStream;

/** Measures models on the held-out rows, which the ranks share. */
final class HeldOut implements AutoCloseable {

  /** Rows that are computed at once. */
  private static final int ROWS_AT_ONCE = 4;

  private final TokenRows rows;
  private final Collective collective;

  /**
   * @param rows the validation split; closed with this
   * @throws DataException if it is empty
   */
  HeldOut(TokenRows rows, Collective collective) {
    if (rows.rows() == 0) {
      throw new DataException(
          "the data set has no held-out rows; prepare it with validation files or a larger"
              + " held-out-share");
    }
    this.rows = rows;
    this.collective = collective;
  }

  /** Perplexity on the first {@code tokens} held-out tokens, 0 for all; no distances. */
  Evaluation perplexity(LanguageModel model, long tokens) {
    long count = rowsOf(tokens);
    double loss = 0;
    int[] ids = new int[ROWS_AT_ONCE * rows.rowLength()];
    for (long first = firstOfRank(count, 0); first < firstOfRank(count, 1); ) {
      int n = (int) Math.min(ROWS_AT_ONCE, firstOfRank(count, 1) - first);
      int[] some = n == ROWS_AT_ONCE ? ids : new int[n * rows.rowLength()];
      readRows(first, n, some);
      loss += NextTokenLoss.sum(model, some, n);
      first += n;
    }
    double total = collective.allReduceSum(loss)[0];
    double perplexity = Math.exp(total / (count * (rows.rowLength() - 1)));
    return new Evaluation(perplexity, count * rows.rowLength(), List.of(), List.of());
  }

  /** As {@link #perplexity}, with the distances of all blocks on the first {@code distanceRows}. */
  Evaluation measure(LanguageModel teacher, LanguageModel student, long tokens, int distanceRows) {
    Evaluation evaluation = perplexity(student, tokens);
    return new Evaluation(
        evaluation.perplexity(),
        evaluation.tokens(),
        distances(new MatrixObjective(teacher, student), student, distanceRows),
        distances(
            new HiddenObjective(teacher, student, HiddenTarget.MIXER), student, distanceRows));
  }

  private List<Double> distances(Objective objective, LanguageModel student, int distanceRows) {
    long count = Math.min(distanceRows, rows.rows());
    int[] ids = new int[rows.rowLength()];
    for (long row = firstOfRank(count, 0); row < firstOfRank(count, 1); row++) {
      try (TensorScope scope = TensorScope.open()) {
        rows.read(row, ids, 0);
        NDArray tokens = student.manager().create(ids, new Shape(1, rows.rowLength()));
        objective.measure(tokens, 1.0 / count);
      }
    }
    double[] sums = collective.allReduceSum(objective.losses().read());
    return IntStream.range(0, sums.length)
        .mapToObj(i -> student.blocks().get(i).isAttention() ? Double.NaN : sums[i])
        .toList();
  }

  private void readRows(long first, int count, int[] target) {
    for (int i = 0; i < count; i++) {
      rows.read(first + i, target, i * rows.rowLength());
    }
  }

  private long rowsOf(long tokens) {
    return tokens == 0
        ? rows.rows()
        : Math.max(1, Math.min(rows.rows(), tokens / rows.rowLength()));
  }

  /**
   * The ranks take contiguous shares of {@code count} rows; the first of the rank {@code ahead}.
   */
  private long firstOfRank(long count, int ahead) {
    return count * (collective.rank() + ahead) / collective.worldSize();
  }

  @Override
  public void close() {
    rows.close();
  }
}
