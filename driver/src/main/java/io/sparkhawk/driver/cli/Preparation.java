package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareJob;
import io.sparkhawk.data.prepare.PrepareProgress;
import io.sparkhawk.data.prepare.PrepareProgress.Phase;
import io.sparkhawk.data.prepare.PrepareReport;
import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.progress.Figures;
import java.util.Locale;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/** The preparation of a data set as a Spark application of its own, told on the console. */
final class Preparation {

  private final ConsoleProgress console;

  Preparation(ConsoleProgress console) {
    this.console = console;
  }

  /** Runs on the cluster that spark-submit names, otherwise on all cores of this machine. */
  void run(PrepareSettings settings) {
    console.begin("prepare", "Preparing " + settings.output());
    SparkSession spark = SparkSession.builder().config(sparkConf()).getOrCreate();
    try {
      PrepareReport report = PrepareJob.run(spark, settings, this::show);
      console.end(outcome(report));
      if (!report.wasComplete()) {
        contents(report.manifest());
      }
    } finally {
      spark.stop();
    }
  }

  private static SparkConf sparkConf() {
    SparkConf conf = new SparkConf().setAppName("sparkhawk prepare");
    if (!conf.contains("spark.master")) {
      conf.setMaster("local[*]")
          .set("spark.driver.host", "127.0.0.1")
          .set("spark.driver.bindAddress", "127.0.0.1");
    }
    // Further applications of this driver are found by the same service.
    return conf.setIfMissing("spark.kubernetes.driver.service.deleteOnTermination", "false")
        .setIfMissing("spark.ui.enabled", "false")
        .setIfMissing("spark.ui.showConsoleProgress", "false");
  }

  private void show(PrepareProgress progress) {
    String documents = Figures.count(progress.documents()) + " documents";
    if (progress.phase() == Phase.READING) {
      console.advance(progress.share(), "reading", documents);
    } else {
      console.advance(
          progress.share(),
          "tokenising",
          documents,
          Figures.shortCount((double) progress.tokens()) + " tokens",
          Figures.shortCount(progress.tokensPerSecond()) + " tokens/s");
    }
  }

  private static String outcome(PrepareReport report) {
    if (report.wasComplete()) {
      return report.folder() + " is complete already: nothing to do";
    }
    return String.format(
        Locale.ROOT,
        "%s: %s tokens in %s, %s tokens/s",
        report.folder(),
        Figures.count(report.tokensMade()),
        Figures.duration(report.seconds()),
        Figures.shortCount(report.tokensPerSecond()));
  }

  private void contents(DataManifest manifest) {
    CorpusCounts counts = manifest.counts();
    console.message(
        String.format(
            Locale.ROOT,
            "%,d documents: %,d empty and %,d duplicates left out, %,d cut at the longest length",
            counts.documents(),
            counts.empty(),
            counts.duplicates(),
            counts.overLong()));
    console.message(
        String.format(
            Locale.ROOT,
            "%,d rows of %,d to train on, %,d held out; %,d bytes in %,d shards",
            manifest.train().rows(),
            manifest.seqLen(),
            manifest.validation().rows(),
            manifest.train().bytes() + manifest.validation().bytes(),
            manifest.train().shards().size() + manifest.validation().shards().size()));
  }
}
