package io.sparkhawk.executor.train;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.sample.SampleOrder;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.executor.collective.Collective;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * This rank's samples of each step. Step k uses the global samples from first + k B to first + (k +
 * 1) B - 1, of which rank r of W takes every W-th: the same samples meet in a step whatever the
 * world size. The next step's samples are read while the current one computes, from shards that
 * were fetched long before.
 */
final class Batches implements AutoCloseable {

  private static final long TIMEOUT_MINUTES = 10;

  private final TokenRows rows;
  private final SampleOrder order;
  private final long firstSample;
  private final int sequences;
  private final int microBatch;
  private final int rank;
  private final int worldSize;
  private final ExecutorService reader =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "sample-reader");
            thread.setDaemon(true);
            return thread;
          });
  private Future<List<int[]>> ahead;
  private long aheadStep = -1;

  private Batches(
      TokenRows rows,
      SampleOrder order,
      long firstSample,
      int sequences,
      int microBatch,
      Collective collective) {
    this.rows = rows;
    this.order = order;
    this.firstSample = firstSample;
    this.sequences = sequences;
    this.rank = collective.rank();
    this.worldSize = collective.worldSize();
    this.microBatch = microBatch == 0 ? sequences / worldSize : microBatch;
  }

  /**
   * The batches of the plan's stage.
   *
   * @param rows the training split; closed with the batches
   * @throws ConfigurationException if the global batch cannot be shared by the ranks
   */
  static Batches of(TrainingPlan plan, TokenRows rows, Collective collective) {
    StageSettings stage = plan.stage();
    long perRank = (long) rows.rowLength() * collective.worldSize();
    if (stage.batchTokens() % perRank != 0) {
      throw new ConfigurationException(
          String.format(
              "batch-tokens %d of stage %s is not a multiple of %d (sequences of %d tokens on %d"
                  + " workers)",
              stage.batchTokens(),
              stage.name(),
              perRank,
              rows.rowLength(),
              collective.worldSize()));
    }
    SampleOrder order = rows.order(plan.seed(), plan.shuffleBlock());
    rows.follow(order, plan.samples(rows.rowLength()));
    return new Batches(
        rows,
        order,
        plan.firstSample(rows.rowLength()),
        (int) (stage.batchTokens() / rows.rowLength()),
        stage.microBatch(),
        collective);
  }

  /** Sequences of a step over all ranks. */
  int globalSequences() {
    return sequences;
  }

  /** Tokens per sequence. */
  int rowLength() {
    return rows.rowLength();
  }

  /** The most sequences that are computed at once. */
  int largestMicroBatch() {
    return Math.min(microBatch, sequences / worldSize);
  }

  /** Whether each rank computes its whole share of a step at once. */
  boolean haveOneMicroBatch() {
    return largestMicroBatch() == sequences / worldSize;
  }

  /** Number of the first global sample after step {@code step}: the position in the data. */
  long cursorAfter(long step) {
    return firstSample + (step + 1) * sequences;
  }

  /** Micro-batches of token ids, each row after row, of step {@code step} counted from 0. */
  List<int[]> of(long step) {
    Future<List<int[]>> current = step == aheadStep ? ahead : read(step);
    aheadStep = step + 1;
    ahead = read(aheadStep);
    try {
      return current.get(TIMEOUT_MINUTES, TimeUnit.MINUTES);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("interrupted while reading the samples of step " + step, e);
    } catch (TimeoutException e) {
      throw new InfrastructureException(
          String.format(
              "rank %d waited %d minutes for the samples of step %d; is the storage reachable?",
              rank, TIMEOUT_MINUTES, step),
          e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SparkhawkException known) {
        throw known;
      }
      throw new InfrastructureException("cannot read the samples of step " + step, e.getCause());
    }
  }

  private Future<List<int[]>> read(long step) {
    return reader.submit(
        () -> {
          rows.reached(firstSample + step * sequences);
          int local = sequences / worldSize;
          List<int[]> batches = new ArrayList<>();
          for (int first = 0; first < local; first += microBatch) {
            batches.add(read(step, first, Math.min(microBatch, local - first)));
          }
          return batches;
        });
  }

  private int[] read(long step, int first, int count) {
    int length = rows.rowLength();
    int[] ids = new int[count * length];
    for (int i = 0; i < count; i++) {
      rows.read(row(step, first + i), ids, i * length);
    }
    return ids;
  }

  /** The row that is this rank's sample number {@code index} of a step. */
  private long row(long step, int index) {
    return order.row(firstSample + step * sequences + (long) index * worldSize + rank);
  }

  @Override
  public void close() {
    reader.shutdownNow();
    rows.close();
  }
}
