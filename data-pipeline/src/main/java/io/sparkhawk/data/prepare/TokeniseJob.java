package io.sparkhawk.data.prepare;

import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * The second pass: reads the documents again, sends each to the task of its shard, and makes the
 * shards there. Reading is cheap beside tokenising (about a fiftieth), so files that cannot be
 * split do not hold the other cores back.
 */
final class TokeniseJob {

  private TokeniseJob() {}

  /** Makes the given shards; the records come in their order. */
  static List<ShardRecord> run(
      JavaSparkContext spark,
      Broadcast<JobInput> input,
      Broadcast<TokeniseInput> tokenising,
      int[] shards,
      ProgressCounters progress) {
    ShardPartitioner partitioner = new ShardPartitioner(shards);
    return FileGroups.distribute(spark, input.value().corpus())
        .flatMapToPair(file -> kept(input.value(), tokenising.value(), file, partitioner))
        .repartitionAndSortWithinPartitions(partitioner)
        .mapPartitionsWithIndex(
            (partition, documents) ->
                make(
                    input.value(),
                    tokenising.value(),
                    partitioner.shard(partition),
                    documents,
                    progress),
            false)
        .collect();
  }

  private static Iterator<Tuple2<DocumentKey, ShuffledDocument>> kept(
      JobInput input, TokeniseInput tokenising, int file, ShardPartitioner wanted) {
    return new KeptDocuments(input.open(file), tokenising.duplicates(), tokenising.plan(), wanted);
  }

  private static Iterator<ShardRecord> make(
      JobInput input,
      TokeniseInput tokenising,
      int shard,
      Iterator<Tuple2<DocumentKey, ShuffledDocument>> documents,
      ProgressCounters progress) {
    ShardTask task =
        new ShardTask(
            tokenising.plan().name(shard),
            tokenising.plan().split(shard),
            tokenising.shardFormat(),
            tokenising.tokens(),
            DataFolder.at(input.hadoop(), tokenising.outputFolder()),
            progress);
    return List.of(task.run(new Values(documents))).iterator();
  }

  /** The documents without their keys. */
  private record Values(Iterator<Tuple2<DocumentKey, ShuffledDocument>> pairs)
      implements Iterator<ShuffledDocument> {

    @Override
    public boolean hasNext() {
      return pairs.hasNext();
    }

    @Override
    public ShuffledDocument next() {
      return pairs.next()._2();
    }
  }
}
