package io.sparkhawk.data.prepare;

import java.util.Arrays;
import org.apache.spark.Partitioner;

/** One partition for each shard that is to be made. */
final class ShardPartitioner extends Partitioner {

  /** The shards in ascending order; the partition of a shard is its place here. */
  private final int[] shards;

  ShardPartitioner(int[] shards) {
    this.shards = shards.clone();
  }

  @Override
  public int numPartitions() {
    return shards.length;
  }

  @Override
  public int getPartition(Object key) {
    return Arrays.binarySearch(shards, ((DocumentKey) key).shard());
  }

  boolean contains(int shard) {
    return Arrays.binarySearch(shards, shard) >= 0;
  }

  int shard(int partition) {
    return shards[partition];
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ShardPartitioner that && Arrays.equals(shards, that.shards);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(shards);
  }
}
