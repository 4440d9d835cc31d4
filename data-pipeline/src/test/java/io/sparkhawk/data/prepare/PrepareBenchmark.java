package io.sparkhawk.data.prepare;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.sparkhawk.data.corpus.CorpusFile;
import io.sparkhawk.data.corpus.CorpusFiles;
import io.sparkhawk.data.corpus.Document;
import io.sparkhawk.data.corpus.DocumentColumns;
import io.sparkhawk.data.corpus.DocumentReader;
import io.sparkhawk.data.token.Tokenizer;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToIntFunction;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;

/**
 * Compares the rate of a whole preparation with that of the bare tokenizer library on the same text
 * and the same number of threads.
 *
 * <p>Three things are measured in turn, several rounds of them, and the best round of each counts:
 * the library's own {@code encode} on documents that are already in memory; the library asked for
 * ids only, as {@link Tokenizer} does; and {@link PrepareJob} from files to the published manifest,
 * with both passes, the shuffle, the checksums and the writing, but without the start of Spark.
 *
 * <p>Arguments: threads, rounds, tokenizer.json, input files.
 */
public final class PrepareBenchmark {

  private final int threads;
  private final Path tokenizerFile;
  private final List<String> input;
  private final List<String> texts = new ArrayList<>();
  private long bytes;

  private PrepareBenchmark(int threads, Path tokenizerFile, List<String> input) {
    this.threads = threads;
    this.tokenizerFile = tokenizerFile;
    this.input = input;
  }

  public static void main(String[] arguments) throws Exception {
    int rounds = Integer.parseInt(arguments[1]);
    List<String> input = Arrays.asList(arguments).subList(3, arguments.length);
    new PrepareBenchmark(Integer.parseInt(arguments[0]), Path.of(arguments[2]), input).run(rounds);
  }

  private void run(int rounds) throws Exception {
    read();
    System.out.printf("%d documents, %.1f MB, %d threads%n", texts.size(), bytes / 1e6, threads);
    Rate encode = Rate.NONE;
    Rate ids = Rate.NONE;
    Rate prepare = Rate.NONE;
    try (SparkSession spark = TestSpark.session(threads);
        HuggingFaceTokenizer library =
            HuggingFaceTokenizer.newInstance(
                tokenizerFile,
                Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
        Tokenizer tokenizer =
            Tokenizer.of(Files.readAllBytes(tokenizerFile), tokenizerFile.toString())) {
      for (int round = 1; round <= rounds; round++) {
        encode =
            encode.best(
                show(
                    "library, encode",
                    library(text -> library.encode(text, false, false).getIds().length)));
        ids = ids.best(show("library, ids only", library(text -> tokenizer.encode(text).length)));
        prepare = prepare.best(show("prepare", prepare(spark)));
      }
    }
    System.out.printf(
        "best: prepare %.0f tokens/s = %.0f%% of library encode, %.0f%% of library ids only%n",
        prepare.perSecond(),
        100 * prepare.perSecond() / encode.perSecond(),
        100 * prepare.perSecond() / ids.perSecond());
    System.out.printf(
        "tokens per CPU second: prepare %.0f, library encode %.0f, library ids only %.0f%n",
        prepare.perCpuSecond(), encode.perCpuSecond(), ids.perCpuSecond());
  }

  private void read() {
    Configuration hadoop = new Configuration();
    for (CorpusFile file : CorpusFiles.list(hadoop, input)) {
      try (DocumentReader reader =
          DocumentReader.open(hadoop, file, new DocumentColumns("text", "source"))) {
        for (Optional<Document> next = reader.next(); next.isPresent(); next = reader.next()) {
          texts.add(next.get().text());
          bytes += next.get().text().getBytes(StandardCharsets.UTF_8).length;
        }
      }
    }
  }

  private Rate library(ToIntFunction<String> encode) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    AtomicInteger next = new AtomicInteger();
    LongAdder tokens = new LongAdder();
    Callable<Void> worker =
        () -> {
          for (int i = next.getAndIncrement(); i < texts.size(); i = next.getAndIncrement()) {
            tokens.add(encode.applyAsInt(texts.get(i)) + 1L);
          }
          return null;
        };
    try {
      return Rate.of(
          () -> {
            List<Callable<Void>> workers = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
              workers.add(worker);
            }
            for (Future<Void> done : pool.invokeAll(workers)) {
              done.get();
            }
            return tokens.sum();
          });
    } finally {
      pool.shutdown();
    }
  }

  private Rate prepare(SparkSession spark) throws Exception {
    Path folder = Files.createTempDirectory("prepare-benchmark-");
    PrepareSettings settings =
        PrepareSettings.builder()
            .input(input)
            .output(folder.toString())
            .tokenizer(tokenizerFile.toString())
            .seqLen(256)
            .heldOutShare(0)
            .build();
    try {
      return Rate.of(() -> PrepareJob.run(spark, settings, progress -> {}).tokensMade());
    } finally {
      TestFolders.delete(folder);
    }
  }

  private static Rate show(String what, Rate rate) {
    System.out.printf(
        "%-18s %10d tokens %7.2f s %9.0f tokens/s %6.2f CPU s%n",
        what, rate.tokens(), rate.seconds(), rate.perSecond(), rate.cpuSeconds());
    return rate;
  }

  private record Rate(long tokens, double seconds, double cpuSeconds) {

    static final Rate NONE = new Rate(0, 1, 1);

    static Rate of(Callable<Long> work) throws Exception {
      long cpu = cpuNanos();
      long began = System.nanoTime();
      long tokens = work.call();
      return new Rate(tokens, (System.nanoTime() - began) / 1e9, (cpuNanos() - cpu) / 1e9);
    }

    private static long cpuNanos() {
      return ((com.sun.management.OperatingSystemMXBean)
              ManagementFactory.getOperatingSystemMXBean())
          .getProcessCpuTime();
    }

    double perSecond() {
      return tokens / seconds;
    }

    double perCpuSecond() {
      return tokens / cpuSeconds;
    }

    Rate best(Rate other) {
      return other.perSecond() > perSecond() ? other : this;
    }
  }
}
