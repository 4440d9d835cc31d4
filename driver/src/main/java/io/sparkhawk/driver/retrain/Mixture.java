package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SourceCount;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Checksum;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.hadoop.fs.Path;

/**
 * The shards of a round's data set: all of what is new, and as many old ones as make the replay
 * share, in an order that follows from the round's identity alone.
 *
 * @param fresh what is new; its held-out rows are the data set's
 * @param carried data of rounds that were not promoted, taken whole
 * @param replayed single shards of rounds before
 */
record Mixture(Part fresh, List<Part> carried, List<Shard> replayed) {

  Mixture {
    carried = List.copyOf(carried);
    replayed = List.copyOf(replayed);
  }

  /** The new data of a round. */
  record Part(long round, Path folder, DataManifest manifest) {

    List<Shard> train() {
      return manifest.train().shards().stream().map(entry -> new Shard(this, entry)).toList();
    }

    /** Whether shards of both can be in one data set. */
    boolean fits(Part other) {
      return manifest.shardFormat().equals(other.manifest.shardFormat())
          && manifest.tokenizerSha256().equals(other.manifest.tokenizerSha256());
    }
  }

  /** A shard with where it comes from. */
  record Shard(Part part, ShardEntry entry) {

    /** The shard in a data set that has shards of several rounds. */
    ShardEntry renamed() {
      return new ShardEntry(
          String.format(Locale.ROOT, "round%d-%s", part.round(), entry.file()),
          entry.rows(),
          entry.tokens(),
          entry.bytes(),
          entry.sha256());
    }
  }

  /**
   * Chooses the replayed shards: the share is reached by as few as possible.
   *
   * @param share of all tokens, below 1
   * @param seed decides which shards are taken
   */
  static Mixture of(Part fresh, List<Part> carried, List<Part> old, double share, String seed) {
    double wanted =
        share
            / (1 - share)
            * Stream.concat(Stream.of(fresh), carried.stream())
                .mapToLong(part -> part.manifest().train().tokens())
                .sum();
    List<Shard> candidates =
        old.stream()
            .flatMap(part -> part.train().stream())
            .sorted(
                Comparator.comparing(
                    shard -> Checksum.of(seed + shard.part().round() + shard.entry().file())))
            .toList();
    List<Shard> replayed = new ArrayList<>();
    long tokens = 0;
    for (Shard shard : candidates) {
      if (tokens >= wanted) {
        break;
      }
      replayed.add(shard);
      tokens += shard.entry().tokens();
    }
    return new Mixture(fresh, carried, replayed);
  }

  /** Everything to train on. */
  List<Shard> train() {
    return Stream.concat(whole().flatMap(part -> part.train().stream()), replayed.stream())
        .toList();
  }

  List<Shard> heldOut() {
    return fresh.manifest().validation().shards().stream()
        .map(entry -> new Shard(fresh, entry))
        .toList();
  }

  long carriedTokens() {
    return carried.stream().mapToLong(part -> part.manifest().train().tokens()).sum();
  }

  long replayedTokens() {
    return replayed.stream().mapToLong(shard -> shard.entry().tokens()).sum();
  }

  private Stream<Part> whole() {
    return Stream.concat(Stream.of(fresh), carried.stream());
  }

  /**
   * The manifest of the data set. Of replayed shards it has the tokens only, as the source {@code
   * replay}: which documents are in them is not known.
   */
  DataManifest manifest() {
    DataManifest first = fresh.manifest();
    SplitManifest heldOut = first.validation();
    return new DataManifest(
        DataManifest.FORMAT,
        first.seqLen(),
        first.vocabularySize(),
        first.endOfText(),
        first.tokenizerSha256(),
        first.settingsSha256(),
        Checksum.of(
            String.join(
                "|",
                Stream.concat(
                        whole().map(part -> part.manifest().corpusSha256()),
                        replayed.stream().map(shard -> shard.entry().sha256()))
                    .toList())),
        whole().map(part -> part.manifest().counts()).reduce(Mixture::plus).orElseThrow(),
        whole().flatMap(part -> part.manifest().sources().stream()).toList(),
        trainManifest(),
        new SplitManifest(
            heldOut.documents(),
            heldOut.documentTokens(),
            heldOut.sources(),
            heldOut().stream().map(Shard::renamed).toList()));
  }

  private SplitManifest trainManifest() {
    Map<String, SourceCount> sources = new HashMap<>();
    whole()
        .forEach(
            part ->
                part.manifest()
                    .train()
                    .sources()
                    .forEach((name, count) -> sources.merge(name, count, SourceCount::plus)));
    if (!replayed.isEmpty()) {
      sources.merge("replay", new SourceCount(0, replayedTokens()), SourceCount::plus);
    }
    return new SplitManifest(
        whole().mapToLong(part -> part.manifest().train().documents()).sum(),
        whole().mapToLong(part -> part.manifest().train().documentTokens()).sum()
            + replayedTokens(),
        sources,
        train().stream().map(Shard::renamed).toList());
  }

  private static CorpusCounts plus(CorpusCounts a, CorpusCounts b) {
    return new CorpusCounts(
        a.documents() + b.documents(),
        a.empty() + b.empty(),
        a.duplicates() + b.duplicates(),
        a.overLong() + b.overLong());
  }
}
