package io.sparkhawk.data.prepare;

import java.io.Serializable;
import org.apache.spark.SparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * Counts what the tasks of a phase have done. Only for showing: a repeated task counts again.
 *
 * @param bytes what the share of the phase is told by: stored bytes of the files read to their end,
 *     or bytes of the text tokenised
 */
record ProgressCounters(LongAccumulator documents, LongAccumulator tokens, LongAccumulator bytes)
    implements Serializable {

  static ProgressCounters create(SparkContext spark, String phase) {
    return new ProgressCounters(
        spark.longAccumulator(phase + " documents"),
        spark.longAccumulator(phase + " tokens"),
        spark.longAccumulator(phase + " bytes"));
  }

  void add(long moreDocuments, long moreTokens, long moreBytes) {
    documents.add(moreDocuments);
    tokens.add(moreTokens);
    bytes.add(moreBytes);
  }
}
