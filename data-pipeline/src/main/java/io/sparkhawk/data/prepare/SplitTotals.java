package io.sparkhawk.data.prepare;

import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SourceCount;
import io.sparkhawk.data.shard.SplitManifest;
import java.util.ArrayList;
import java.util.List;

/** Sums up the shards of one split for the manifest, in their order. */
final class SplitTotals {

  private final List<ShardEntry> shards = new ArrayList<>();
  private final SourceCounter sources = new SourceCounter();
  private long documents;
  private long documentTokens;

  void add(ShardRecord record) {
    record.entry().ifPresent(shards::add);
    record.sources().forEach((String source, SourceCount count) -> sources.add(source, count));
    documents += record.documents();
    documentTokens += record.documentTokens();
  }

  SplitManifest manifest() {
    return new SplitManifest(documents, documentTokens, sources.counts(), shards);
  }
}
