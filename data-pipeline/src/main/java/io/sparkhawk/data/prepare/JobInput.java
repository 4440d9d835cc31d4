package io.sparkhawk.data.prepare;

import java.io.Serializable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.util.SerializableConfiguration;

/** What every task of both passes needs; broadcast once. */
record JobInput(SerializableConfiguration hadoopSettings, Corpus corpus) implements Serializable {

  Configuration hadoop() {
    return hadoopSettings.value();
  }

  /** The documents of one file; they are closed when the Spark task ends. */
  CorpusReader open(int file) {
    CorpusReader reader = CorpusReader.open(hadoop(), corpus, file);
    org.apache.spark.TaskContext.get()
        .addTaskCompletionListener((org.apache.spark.TaskContext context) -> reader.close());
    return reader;
  }
}
