package io.sparkhawk.data.prepare;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.prepare.PrepareProgress.Phase;
import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardFormat;
import io.sparkhawk.data.shard.SplitManifest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Makes a data set folder of a corpus: reads and compares the documents, tokenises them in shards,
 * and completes the folder with its manifest.
 *
 * <p>The same input and settings give the same bytes, on any number of cores. A run that finds the
 * folder complete does nothing; one that finds it begun does the rest.
 */
public final class PrepareJob {

  private final JavaSparkContext spark;
  private final Configuration hadoop;
  private final PrepareSettings settings;
  private final Consumer<PrepareProgress> listener;
  private final long began = System.nanoTime();
  private final DataFolder folder;

  private PrepareJob(
      SparkSession session, PrepareSettings settings, Consumer<PrepareProgress> listener) {
    this.spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    this.hadoop = spark.hadoopConfiguration();
    this.settings = settings;
    this.listener = listener;
    this.folder = DataFolder.at(hadoop, settings.output());
  }

  /**
   * Runs a preparation to its end.
   *
   * @param listener is told about once every half second how far the job is, by a thread of its own
   * @throws ConfigurationException if a setting is wrong, or the folder belongs to other settings
   * @throws DataException if the input or the tokenizer is missing, damaged or does not fit
   * @throws InfrastructureException if a disk, a process or the storage failed; what is finished is
   *     kept, and the next run continues
   */
  public static PrepareReport run(
      SparkSession session, PrepareSettings settings, Consumer<PrepareProgress> listener) {
    settings.validate();
    return JobFailure.explained(() -> new PrepareJob(session, settings, listener).run());
  }

  private PrepareReport run() {
    TokenFormat tokens = TokenFormat.read(hadoop, settings);
    Corpus corpus = Corpus.find(hadoop, settings);
    FolderSettings folderSettings = FolderSettings.of(settings, corpus, tokens);
    folder.claim(folderSettings);
    Optional<DataManifest> complete = folder.manifest();
    if (complete.isPresent()) {
      return new PrepareReport(folder.toString(), complete.get(), 0, 0, 0, secondsSince(began));
    }

    Broadcast<JobInput> input =
        spark.broadcast(new JobInput(new SerializableConfiguration(hadoop), corpus));
    try {
      CorpusIndex index = scan(input);
      folder.claimCorpus(index);
      ShardPlan plan = ShardPlan.of(corpus, index, settings);
      ShardFormat format =
          new ShardFormat(settings.seqLen(), tokens.vocabularySize(), folderSettings.sha256());
      return tokenise(
          input,
          new TokeniseInput(index.duplicates(), plan, format, tokens, settings.output()),
          index);
    } finally {
      input.destroy();
    }
  }

  private CorpusIndex scan(Broadcast<JobInput> input) {
    ProgressCounters counters = ProgressCounters.create(spark.sc(), "Reading");
    return report(Phase.READING, counters, input.value().corpus().length())
        .during(() -> ScanJob.run(spark, input, counters));
  }

  private ProgressReporter report(Phase phase, ProgressCounters counters, long totalBytes) {
    return new ProgressReporter(spark.sc(), phase, counters, totalBytes, began, listener);
  }

  private PrepareReport tokenise(
      Broadcast<JobInput> input, TokeniseInput tokenising, CorpusIndex index) {
    ShardPlan plan = tokenising.plan();
    Map<Integer, ShardRecord> records = finishedBefore(plan);
    int reused = records.size();
    int[] missing =
        IntStream.range(0, plan.shards()).filter(shard -> !records.containsKey(shard)).toArray();
    List<ShardRecord> made = make(input, tokenising, missing, missingBytes(index, records));
    for (int i = 0; i < missing.length; i++) {
      records.put(missing[i], made.get(i));
    }
    DataManifest manifest = manifest(input.value().corpus(), tokenising, index, records);
    folder.publishManifest(manifest);
    return new PrepareReport(
        folder.toString(),
        manifest,
        made.size(),
        reused,
        made.stream().mapToLong(ShardRecord::documentTokens).sum(),
        secondsSince(began));
  }

  private static long missingBytes(CorpusIndex index, Map<Integer, ShardRecord> finished) {
    long reused = finished.values().stream().mapToLong(ShardRecord::textBytes).sum();
    return index.keptTextBytes() - reused;
  }

  private Map<Integer, ShardRecord> finishedBefore(ShardPlan plan) {
    Map<String, ShardRecord> finished = folder.finished();
    Map<Integer, ShardRecord> records = new TreeMap<>();
    for (int shard = 0; shard < plan.shards(); shard++) {
      ShardRecord record = finished.get(plan.name(shard));
      if (record != null) {
        records.put(shard, record);
      }
    }
    return records;
  }

  private List<ShardRecord> make(
      Broadcast<JobInput> input, TokeniseInput tokenising, int[] shards, long textBytes) {
    if (shards.length == 0) {
      return List.of();
    }
    ProgressCounters counters = ProgressCounters.create(spark.sc(), "Tokenising");
    Broadcast<TokeniseInput> shared = spark.broadcast(tokenising);
    try {
      return report(Phase.TOKENISING, counters, textBytes)
          .during(() -> TokeniseJob.run(spark, input, shared, shards, counters));
    } finally {
      shared.destroy();
    }
  }

  private DataManifest manifest(
      Corpus corpus,
      TokeniseInput tokenising,
      CorpusIndex index,
      Map<Integer, ShardRecord> records) {
    SplitTotals train = new SplitTotals();
    SplitTotals validation = new SplitTotals();
    records.forEach(
        (shard, record) ->
            (tokenising.plan().split(shard) == Split.TRAIN ? train : validation).add(record));
    DataManifest manifest =
        new DataManifest(
            DataManifest.FORMAT,
            settings.seqLen(),
            tokenising.tokens().vocabularySize(),
            tokenising.tokens().endOfText(),
            tokenising.tokens().tokenizerSha256(),
            tokenising.shardFormat().settingsSha256(),
            index.sha256(),
            index.counts(),
            index.sources(corpus),
            train.manifest(),
            validation.manifest());
    requireRows("input", manifest.train());
    if (corpus.hasValidationFiles()) {
      requireRows("validation", manifest.validation());
    }
    return manifest;
  }

  private void requireRows(String setting, SplitManifest split) {
    if (split.rows() == 0) {
      throw new DataException(
          "The files of "
              + setting
              + " have too little text: "
              + split.documents()
              + " documents with "
              + split.documentTokens()
              + " tokens fill no row of "
              + settings.seqLen()
              + ". Name more files or a smaller seq-len.");
    }
  }

  private static double secondsSince(long nanoTime) {
    return (System.nanoTime() - nanoTime) / 1e9;
  }
}
