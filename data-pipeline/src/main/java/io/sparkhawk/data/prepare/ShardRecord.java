package io.sparkhawk.data.prepare;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SourceCount;
import java.io.Serializable;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * That a shard is finished: published after its file, it tells a later run not to make it again.
 *
 * @param name the shard's name in the plan
 * @param file file in the data set folder; empty if not one row was full
 * @param textBytes UTF-8 bytes of the documents
 * @param documentTokens tokens of the documents with their end-of-text ids
 */
record ShardRecord(
    String name,
    String file,
    long rows,
    long rowTokens,
    long bytes,
    String sha256,
    long documents,
    long textBytes,
    long documentTokens,
    Map<String, SourceCount> sources)
    implements Serializable {

  ShardRecord {
    sources = new TreeMap<>(sources);
  }

  @JsonIgnore
  Optional<ShardEntry> entry() {
    return rows == 0
        ? Optional.empty()
        : Optional.of(new ShardEntry(file, rows, rowTokens, bytes, sha256));
  }
}
