package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.sample.RowSources;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.stage.HiddenObjective;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.MatrixObjective;
import io.sparkhawk.executor.stage.NextTokenLoss;
import io.sparkhawk.executor.stage.Objective;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Measures models on the held-out rows, which the ranks share. */
final class HeldOut implements AutoCloseable {

  /** Rows that are computed at once. */
  private static final int ROWS_AT_ONCE = 4;

  private static final int[] NO_SOURCES = {};

  private final TokenRows rows;
  private final Optional<RowSources> sources;
  private final Collective collective;

  /**
   * @param rows the validation split; closed with this
   * @param sources where its tokens come from, if that is known and asked for
   * @throws DataException if it is empty
   */
  HeldOut(TokenRows rows, Optional<RowSources> sources, Collective collective) {
    if (rows.rows() == 0) {
      throw new DataException(
          "the data set has no held-out rows; prepare it with validation files or a larger"
              + " held-out-share");
    }
    this.rows = rows;
    this.sources = sources;
    this.collective = collective;
  }

  /** Perplexity on the first {@code tokens} held-out tokens, 0 for all; no distances. */
  Evaluation perplexity(LanguageModel model, long tokens) {
    Evaluation profiled = profiled(model, tokens);
    return new Evaluation(profiled.perplexity(), profiled.tokens(), List.of(), List.of());
  }

  /** As {@link #perplexity}, with where the loss comes from. */
  Evaluation profiled(LanguageModel model, long tokens) {
    long count = rowsOf(tokens);
    int length = rows.rowLength();
    LossTally tally = new LossTally(length, sources.map(RowSources::names).orElseGet(List::of));
    double loss = 0;
    for (long first = firstOfRank(count, 0); first < firstOfRank(count, 1); first += ROWS_AT_ONCE) {
      int n = (int) Math.min(ROWS_AT_ONCE, firstOfRank(count, 1) - first);
      double[] losses = NextTokenLoss.each(model, read(first, n), n);
      loss += Arrays.stream(losses).sum();
      for (int i = 0; i < n; i++) {
        long row = first + i;
        tally.add(losses, i * (length - 1), sources.map(s -> s.ofRow(row)).orElse(NO_SOURCES));
      }
    }
    double total = collective.allReduceSum(loss)[0];
    return new Evaluation(
        Math.exp(total / (count * (length - 1))),
        count * length,
        List.of(),
        List.of(),
        tally.profile(collective));
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

  private int[] read(long first, int count) {
    int[] ids = new int[count * rows.rowLength()];
    for (int i = 0; i < count; i++) {
      rows.read(first + i, ids, i * rows.rowLength());
    }
    return ids;
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
