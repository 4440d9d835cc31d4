package io.sparkhawk.driver.inspect;

import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.executor.checkpoint.CheckpointListing;
import io.sparkhawk.executor.checkpoint.CheckpointListing.State;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.hadoop.fs.Path;

/** The listing that the user sees, line by line. */
final class ContentTable {

  private static final String CHECKPOINT = "  %-20s %-8s %9s %6s %16s  %-13s %s";
  private static final String SHARD = "  %-20s %-8s %12s %16s %16s  %s";

  private final long now;
  private final Consumer<String> out;
  private int runs;
  private int checkpoints;
  private int unpublished;
  private int dataSets;
  private int shards;

  /**
   * @param now the present, in milliseconds since the epoch
   */
  ContentTable(long now, Consumer<String> out) {
    this.now = now;
    this.out = out;
  }

  void run(Path folder) {
    runs++;
    out.accept("run " + folder);
    line(CHECKPOINT, "checkpoint", "stage", "step", "world", "bytes", "age", "state");
  }

  void checkpoint(CheckpointListing checkpoint, List<String> problems, boolean verified) {
    checkpoints++;
    unpublished += checkpoint.unpublished();
    Optional<CheckpointManifest> manifest = checkpoint.manifest();
    line(
        CHECKPOINT,
        checkpoint.name(),
        checkpoint.stage(),
        Figures.count(checkpoint.step()),
        manifest.map(found -> Integer.toString(found.worldSize())).orElse("-"),
        Figures.count(checkpoint.bytes()),
        Figures.duration((now - checkpoint.written().toEpochMilli()) / 1e3),
        problems.isEmpty() ? state(checkpoint, verified) : "DAMAGED: " + problems.get(0));
  }

  private static String state(CheckpointListing checkpoint, boolean verified) {
    String text = checkpoint.state().name().toLowerCase(Locale.ROOT);
    if (checkpoint.state() == State.COMPLETE) {
      text += verified ? ", checksums agree" : "";
      text +=
          checkpoint.manifest().orElseThrow().position().stageComplete()
              ? ", end of the stage"
              : "";
    }
    int rest = checkpoint.unpublished();
    return text + (rest == 0 ? "" : ", " + rest + " unpublished " + plural(rest, "attempt"));
  }

  void dataSet(Path folder, DataManifest manifest) {
    dataSets++;
    out.accept(
        "data set %s: rows of %d, vocabulary of %d, %s tokens to train on, %s held out"
            .formatted(
                folder,
                manifest.seqLen(),
                manifest.vocabularySize(),
                Figures.count(manifest.train().tokens()),
                Figures.count(manifest.validation().tokens())));
    line(SHARD, "shard", "split", "rows", "tokens", "bytes", "state");
  }

  void damagedDataSet(Path folder, String problem) {
    dataSets++;
    out.accept("data set " + folder + ": DAMAGED: " + problem);
  }

  void shard(String split, ShardEntry shard, Optional<String> problem, boolean verified) {
    shards++;
    line(
        SHARD,
        shard.file(),
        split,
        Figures.count(shard.rows()),
        Figures.count(shard.tokens()),
        Figures.count(shard.bytes()),
        problem
            .map(found -> "DAMAGED: " + found)
            .orElse(verified ? "complete, checksum agrees" : "complete"));
  }

  void total(boolean verified, int problems) {
    out.accept(
        "%d %s with %d %s and %d unpublished %s; %d %s with %d %s; %s"
            .formatted(
                runs,
                plural(runs, "run"),
                checkpoints,
                plural(checkpoints, "checkpoint"),
                unpublished,
                plural(unpublished, "attempt"),
                dataSets,
                plural(dataSets, "data set"),
                shards,
                plural(shards, "shard"),
                outcome(verified, problems)));
  }

  private static String outcome(boolean verified, int problems) {
    if (problems > 0) {
      return problems + " damaged";
    }
    return verified ? "all checksums agree" : "sizes agree, checksums were not read";
  }

  private static String plural(int count, String noun) {
    return count == 1 ? noun : noun + "s";
  }

  private void line(String format, Object... cells) {
    out.accept(String.format(Locale.ROOT, format, cells).stripTrailing());
  }
}
