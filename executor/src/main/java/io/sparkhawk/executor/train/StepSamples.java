package io.sparkhawk.executor.train;

import io.sparkhawk.data.sample.SampleOrder;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Storage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.hadoop.fs.Path;

/**
 * Names the samples of a step, for a person who looks for what is wrong with them: a pure function
 * of the plan and the data set's manifest, as is the order of the samples.
 */
public final class StepSamples {

  /** Rows that are named one by one; the samples' numbers name them all. */
  private static final int LARGEST_LIST = 64;

  private final SplitManifest shards;
  private final SampleOrder order;
  private final long firstSample;
  private final long sequences;

  private StepSamples(TrainingPlan plan, int rowLength, SplitManifest shards) {
    this.shards = shards;
    this.order = SampleOrder.of(plan.seed(), shards, rowLength, plan.shuffleBlock());
    this.firstSample = plan.firstSample(rowLength);
    this.sequences = plan.stage().batchTokens() / rowLength;
  }

  /** The samples of the plan's stage, in the data set that has this manifest. */
  public static StepSamples of(TrainingPlan plan, DataManifest data) {
    return new StepSamples(plan, data.seqLen(), data.train());
  }

  /**
   * As {@link #of(TrainingPlan, DataManifest)}, with the manifest of the plan's data folder.
   *
   * @throws io.sparkhawk.data.error.SparkhawkException if the manifest cannot be read
   */
  public static StepSamples of(TrainingPlan plan) {
    Path folder = new Path(plan.dataFolder());
    return of(
        plan,
        DataManifest.read(Storage.of(plan.hadoopConfiguration(), folder).fileSystem(), folder));
  }

  /** Whether each of that many workers gets as many of a step's samples as any other. */
  public boolean fits(int worldSize) {
    return sequences % worldSize == 0;
  }

  /**
   * The samples of step {@code k}, counted from 0: {@code global samples 8 to 11: train-00000.arrow
   * rows 3, 17, 40; train-00001.arrow row 5}.
   */
  public String describe(long k) {
    long first = firstSample + k * sequences;
    Map<String, List<Long>> rows = new LinkedHashMap<>();
    LongStream.range(first, first + Math.min(sequences, LARGEST_LIST))
        .map(order::row)
        .sorted()
        .forEach(row -> place(row, rows));
    String listed =
        rows.entrySet().stream()
            .map(
                shard ->
                    shard.getKey()
                        + (shard.getValue().size() == 1 ? " row " : " rows ")
                        + shard.getValue().stream()
                            .map(String::valueOf)
                            .collect(Collectors.joining(", ")))
            .collect(Collectors.joining("; "));
    String more =
        sequences > LARGEST_LIST ? " (the rows of the first " + LARGEST_LIST + " samples)" : "";
    return "global samples %d to %d: %s%s".formatted(first, first + sequences - 1, listed, more);
  }

  /** Adds a row of the whole split under its shard's name, as counted there. */
  private void place(long row, Map<String, List<Long>> rows) {
    long before = 0;
    for (ShardEntry shard : shards.shards()) {
      if (row < before + shard.rows()) {
        rows.computeIfAbsent(shard.file(), name -> new ArrayList<>()).add(row - before);
        return;
      }
      before += shard.rows();
    }
    throw new IllegalStateException("no shard has row " + row);
  }
}
