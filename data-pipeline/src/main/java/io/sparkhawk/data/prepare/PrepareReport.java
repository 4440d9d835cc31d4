package io.sparkhawk.data.prepare;

import io.sparkhawk.data.shard.DataManifest;

/**
 * What a preparation did.
 *
 * @param folder the data set folder
 * @param manifest the data set: documents, tokens, rows and bytes by split
 * @param shardsWritten shards that this run made
 * @param shardsReused shards that this run took over from an earlier, interrupted one
 * @param tokensMade tokens that this run made, end-of-text ids included
 * @param seconds time of this run
 */
public record PrepareReport(
    String folder,
    DataManifest manifest,
    int shardsWritten,
    int shardsReused,
    long tokensMade,
    double seconds) {

  /** Whether the data set was finished before, so that this run did nothing. */
  public boolean wasComplete() {
    return shardsWritten == 0 && shardsReused == 0;
  }

  /** Tokens that this run made per second of its whole time. */
  public double tokensPerSecond() {
    return seconds > 0 ? tokensMade / seconds : 0;
  }
}
