package io.sparkhawk.data.prepare;

import io.sparkhawk.data.shard.ShardFormat;
import java.io.Serializable;

/** What the tasks of the second pass need beside {@link JobInput}; broadcast once. */
record TokeniseInput(
    Duplicates duplicates,
    ShardPlan plan,
    ShardFormat shardFormat,
    TokenFormat tokens,
    String outputFolder)
    implements Serializable {}
