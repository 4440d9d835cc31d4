package io.sparkhawk.data.prepare;

import java.io.Serializable;
import org.apache.spark.SparkContext;
import org.apache.spark.util.LongAccumulator;

/** Counts what the tasks of a phase have done. Only for showing: a repeated task counts again. */
record ProgressCounters(
    LongAccumulator documents, LongAccumulator tokens, LongAccumulator textBytes)
    implements Serializable {

  static ProgressCounters create(SparkContext spark, String phase) {
    return new ProgressCounters(
        spark.longAccumulator(phase + " documents"),
        spark.longAccumulator(phase + " tokens"),
        spark.longAccumulator(phase + " text bytes"));
  }

  void add(long moreDocuments, long moreTokens, long moreTextBytes) {
    documents.add(moreDocuments);
    tokens.add(moreTokens);
    textBytes.add(moreTextBytes);
  }
}
