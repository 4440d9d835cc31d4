package io.sparkhawk.data.prepare;

import org.apache.spark.sql.SparkSession;

/** A Spark that stays on this machine and shows no pages. */
final class TestSpark {

  private TestSpark() {}

  static SparkSession session(int cores) {
    return SparkSession.builder()
        .master("local[" + cores + "]")
        .appName("data-pipeline test")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .getOrCreate();
  }
}
