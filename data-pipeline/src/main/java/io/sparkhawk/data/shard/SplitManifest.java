package io.sparkhawk.data.shard;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.Map;

/**
 * The shards of one split, in the order of their rows, and what went into them.
 *
 * @param documents documents that were packed
 * @param documentTokens their tokens, with one end-of-text id for each; the shards hold fewer,
 *     since the incomplete last row of every shard is left out
 * @param sources documents and tokens by source
 * @param shards the files
 */
public record SplitManifest(
    long documents,
    long documentTokens,
    Map<String, SourceCount> sources,
    List<ShardEntry> shards) {

  public SplitManifest {
    sources = Map.copyOf(sources);
    shards = List.copyOf(shards);
  }

  /** Rows of all shards. */
  @JsonIgnore
  public long rows() {
    return shards.stream().mapToLong(ShardEntry::rows).sum();
  }

  /** Token ids of all rows. */
  @JsonIgnore
  public long tokens() {
    return shards.stream().mapToLong(ShardEntry::tokens).sum();
  }

  /** Bytes of all shard files. */
  @JsonIgnore
  public long bytes() {
    return shards.stream().mapToLong(ShardEntry::bytes).sum();
  }
}
