package io.sparkhawk.data.prepare;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.HashPartitioner;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/** The first pass: counts the documents of every file and finds the duplicates between all. */
final class ScanJob {

  /** Stored bytes of the corpus per range of hashes: keeps the index of a range small. */
  private static final long BYTES_PER_RANGE = 256L << 20;

  private ScanJob() {}

  static CorpusIndex run(
      JavaSparkContext spark, Broadcast<JobInput> input, ProgressCounters progress) {
    Corpus corpus = input.value().corpus();
    int ranges = Math.max(spark.defaultParallelism(), (int) (corpus.length() / BYTES_PER_RANGE));
    List<RangeResult> results =
        FileGroups.distribute(spark, corpus)
            .flatMapToPair(file -> scan(input.value(), file, ranges, progress))
            .partitionBy(new HashPartitioner(ranges))
            .mapPartitions(ScanJob::compare)
            .collect();
    return new CorpusIndex(
        results.stream()
            .flatMap(result -> result.totals().stream())
            .sorted(Comparator.comparingInt(FileTotals::file))
            .toList(),
        Duplicates.union(results.stream().map(RangeResult::duplicates).toList()));
  }

  private static Iterator<Tuple2<Integer, ScanBlock>> scan(
      JobInput input, int file, int ranges, ProgressCounters progress) {
    return new FileScan(
        file, input.corpus().files().get(file).length(), input.open(file), ranges, progress);
  }

  private static Iterator<RangeResult> compare(Iterator<Tuple2<Integer, ScanBlock>> blocks) {
    HashIndex index = new HashIndex();
    List<FileTotals> totals = new ArrayList<>();
    while (blocks.hasNext()) {
      ScanBlock block = blocks.next()._2();
      index.add(block.entries());
      totals.addAll(block.totals());
    }
    return List.of(new RangeResult(totals, index.duplicates())).iterator();
  }

  private record RangeResult(List<FileTotals> totals, Duplicates duplicates)
      implements Serializable {}
}
