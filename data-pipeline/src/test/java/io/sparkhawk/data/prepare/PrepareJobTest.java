package io.sparkhawk.data.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.sample.RowSources;
import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SourceCount;
import io.sparkhawk.data.token.TestTokenizers;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrepareJobTest {

  @TempDir private Path folder;
  private Path tokenizer;
  private Path output;

  @AfterAll
  static void stopSpark() {
    spark().stop();
  }

  private static SparkSession spark() {
    return TestSpark.session(2);
  }

  @BeforeEach
  void writeTokenizer() throws IOException {
    tokenizer = folder.resolve("tokenizer.json");
    Files.write(tokenizer, TestTokenizers.bytes());
    output = folder.resolve("data");
  }

  private PrepareSettings.Builder settings(Path... input) {
    return PrepareSettings.builder()
        .input(Arrays.stream(input).map(Path::toString).toList())
        .output(output.toString())
        .tokenizer(tokenizer.toString())
        .seqLen(16)
        .heldOutShare(0);
  }

  private static PrepareReport run(PrepareSettings.Builder settings) {
    return PrepareJob.run(spark(), settings.build(), progress -> {});
  }

  private Path jsonLines(String name, List<String> texts) throws IOException {
    Path file = folder.resolve(name);
    ObjectMapper json = new ObjectMapper();
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      for (String text : texts) {
        String line = json.writeValueAsString(Map.of("source", name, "text", text)) + "\n";
        out.write(line.getBytes(StandardCharsets.UTF_8));
      }
    }
    return file;
  }

  /** Documents of up to 200 words, some of which occur several times. */
  private static List<String> documents(int count, long seed) {
    Random random = new Random(seed);
    List<String> documents = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      if (i > 0 && random.nextInt(10) == 0) {
        documents.add(documents.get(random.nextInt(i)));
      } else {
        documents.add("document " + seed + "/" + i + " word".repeat(random.nextInt(200)));
      }
    }
    return documents;
  }

  private int[] rows(Split split) {
    try (TokenRows rows =
        TokenRows.open(new Configuration(), output.toString(), split, folder.resolve("cache"))) {
      int[] all = new int[(int) rows.rows() * rows.rowLength()];
      for (int row = 0; row < rows.rows(); row++) {
        rows.read(row, all, row * rows.rowLength());
      }
      return all;
    }
  }

  /** What one shard of these documents must hold, computed without the pipeline. */
  private static int[] packed(List<String> documents, int rowLength) {
    int[] all =
        documents.stream()
            .flatMapToInt(
                text -> IntStream.concat(Arrays.stream(TestTokenizers.ids(text)), IntStream.of(0)))
            .toArray();
    return Arrays.copyOf(all, all.length / rowLength * rowLength);
  }

  @Test
  void rowsAreTheDocumentsInOrderEachFollowedByEndOfText() throws IOException {
    List<String> first = documents(30, 1);
    List<String> second = documents(20, 2);
    PrepareReport report =
        run(settings(jsonLines("b.jsonl.gz", first), jsonLines("a.jsonl.gz", second)));

    List<String> all = new ArrayList<>(first);
    all.addAll(second);
    List<String> distinct = all.stream().distinct().toList();
    assertThat(rows(Split.TRAIN)).isEqualTo(packed(distinct, 16));
    assertThat(rows(Split.VALIDATION)).isEmpty();

    DataManifest manifest = report.manifest();
    assertThat(manifest.counts()).isEqualTo(new CorpusCounts(50, 0, 50 - distinct.size(), 0));
    assertThat(manifest.train().documents()).isEqualTo(distinct.size());
    assertThat(manifest.train().documentTokens())
        .isEqualTo(distinct.stream().mapToLong(text -> text.length() + 1).sum());
    assertThat(report.tokensMade()).isEqualTo(manifest.train().documentTokens());
    assertThat(manifest.train().sources())
        .containsOnlyKeys("a.jsonl.gz", "b.jsonl.gz")
        .containsEntry(
            "a.jsonl.gz",
            new SourceCount(
                second.stream().distinct().count(),
                second.stream().distinct().mapToLong(text -> text.length() + 1).sum()));
  }

  @Test
  void shardsAreTheSameBytesOnAnyNumberOfCores() throws IOException {
    Path input = jsonLines("input.jsonl.gz", documents(400, 3));
    Path validation = jsonLines("validation.jsonl.gz", documents(20, 4));
    PrepareSettings.Builder settings =
        settings(input).validation(List.of(validation.toString())).shardBytes(20_000);
    run(settings);
    SortedMap<String, byte[]> onTwoCores = TestFolders.content(output);
    assertThat(onTwoCores.keySet()).contains("train-00000.arrow", "train-00005.arrow");

    TestFolders.delete(output);
    spark().stop();
    try (SparkSession other = TestSpark.session(3)) {
      PrepareJob.run(other, settings.build(), progress -> {});
    }
    assertSame(TestFolders.content(output), onTwoCores);
  }

  private static void assertSame(
      SortedMap<String, byte[]> found, SortedMap<String, byte[]> expected) {
    assertThat(found.keySet()).isEqualTo(expected.keySet());
    expected.forEach((name, content) -> assertThat(found.get(name)).as(name).isEqualTo(content));
  }

  @Test
  void validationFilesMakeOneUnbrokenSequenceInTheGivenOrder() throws IOException {
    List<String> second = documents(40, 5).stream().distinct().toList();
    List<String> first = documents(40, 6).stream().distinct().toList();
    run(
        settings(jsonLines("train.jsonl.gz", documents(50, 7)))
            .validation(
                List.of(
                    jsonLines("z.jsonl.gz", first).toString(),
                    jsonLines("a.jsonl.gz", second).toString()))
            .shardBytes(1000));
    List<String> all = new ArrayList<>(first);
    all.addAll(second);
    assertThat(rows(Split.VALIDATION)).isEqualTo(packed(all, 16));
  }

  @Test
  void eachHeldOutTokenKnowsItsSource() throws IOException {
    List<String> first = documents(40, 6).stream().distinct().toList();
    List<String> second = documents(40, 5).stream().distinct().toList();
    run(
        settings(jsonLines("train.jsonl.gz", documents(50, 7)))
            .validation(
                List.of(
                    jsonLines("z.jsonl.gz", first).toString(),
                    jsonLines("a.jsonl.gz", second).toString())));

    // TestTokenizers gives an id for each character, and each document has one more at its end.
    int ofFirst = first.stream().mapToInt(text -> text.length() + 1).sum();
    RowSources sources = sources().orElseThrow();
    assertThat(sources.names()).containsExactly("a.jsonl.gz", "z.jsonl.gz");
    int rows = rows(Split.VALIDATION).length / 16;
    int[] expected = IntStream.range(0, rows * 16).map(i -> i < ofFirst ? 1 : 0).toArray();
    assertThat(IntStream.range(0, rows).flatMap(row -> Arrays.stream(sources.ofRow(row))))
        .containsExactlyElementsOf(Arrays.stream(expected).boxed().toList());
    assertThat(ofFirst % 16).as("a row has tokens of both").isNotZero();
    assertThatThrownBy(() -> sources.ofRow(rows)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void sourcesOfHeldOutDocumentsFollowThemIntoTheirShards() throws IOException {
    List<String> odd = documents(150, 11).stream().distinct().toList();
    List<String> even = documents(150, 12).stream().distinct().toList();
    PrepareReport report =
        run(
            settings(jsonLines("odd.jsonl.gz", odd), jsonLines("even.jsonl.gz", even))
                .heldOutShare(0.3)
                .shardBytes(3_000));
    assertThat(report.manifest().validation().shards()).hasSizeGreaterThan(2);

    RowSources sources = sources().orElseThrow();
    int[] rows = rows(Split.VALIDATION);
    StringBuilder ofOdd = new StringBuilder();
    StringBuilder ofEven = new StringBuilder();
    for (int i = 0; i < rows.length; i++) {
      int source = sources.ofRow(i / 16)[i % 16];
      (sources.names().get(source).equals("odd.jsonl.gz") ? ofOdd : ofEven)
          .append(rows[i] == 0 ? '\n' : (char) (rows[i] - 1));
    }
    // Each document begins with "document <seed>/".
    assertThat(ofOdd).contains("document 11/").doesNotContain("document 12/");
    assertThat(ofEven).contains("document 12/").doesNotContain("document 11/");
  }

  @Test
  void aDataSetWithoutSourcesHasNoneAndWrongOnesAreNamed() throws IOException {
    run(settings(jsonLines("input.jsonl.gz", documents(100, 13))).heldOutShare(0.5));
    Path file = output.resolve("sources/validation-00000.json");
    assertThat(sources()).isPresent();

    Files.writeString(file, "{\"names\": [\"x\"], \"source\": [0], \"tokens\": [15]}");
    assertThatThrownBy(this::sources)
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("validation-00000.arrow", "15 tokens");
    Files.writeString(file, "{\"names\": [\"x\"], \"source\": [1], \"tokens\": [15]}");
    assertThatThrownBy(this::sources)
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(file.getFileName().toString(), "not named");
    Files.writeString(
        file, "{\"names\": [\"x\"], \"source\": [0, 0], \"tokens\": [9e15, 9000000000000000000]}");
    assertThatThrownBy(this::sources).isInstanceOf(DataException.class);

    Files.delete(file);
    assertThat(sources()).isEmpty();
  }

  private Optional<RowSources> sources() {
    return RowSources.open(new Configuration(), output.toString());
  }

  @Test
  void trainingDocumentThatIsAlsoHeldOutIsLeftOut() throws IOException {
    List<String> train = List.of("a document for training", "a document held out");
    List<String> validation = List.of("a document held out");
    PrepareReport report =
        run(
            settings(jsonLines("train.jsonl.gz", train))
                .validation(List.of(jsonLines("validation.jsonl.gz", validation).toString())));
    assertThat(rows(Split.TRAIN)).isEqualTo(packed(train.subList(0, 1), 16));
    assertThat(rows(Split.VALIDATION)).isEqualTo(packed(validation, 16));
    assertThat(report.manifest().counts().duplicates()).isEqualTo(1);
  }

  @Test
  void heldOutShareDividesTheDocumentsWithoutLossOrOverlap() throws IOException {
    List<String> documents = documents(400, 8);
    long distinct = documents.stream().distinct().count();
    PrepareReport report = run(settings(jsonLines("input.jsonl.gz", documents)).heldOutShare(0.25));
    long train = report.manifest().train().documents();
    long validation = report.manifest().validation().documents();
    assertThat(train + validation).isEqualTo(distinct);
    assertThat(validation / (double) distinct).isBetween(0.15, 0.35);
    assertThat(rows(Split.VALIDATION)).isNotEmpty();

    output = folder.resolve("less");
    PrepareReport less = run(settings(folder.resolve("input.jsonl.gz")).heldOutShare(0.05));
    assertThat(less.manifest().validation().documents()).isBetween(1L, validation - 1);
  }

  @Test
  void emptyDocumentsAreDroppedAndOverLongOnesCut() throws IOException {
    List<String> documents = List.of("", "  \n\t ", "x".repeat(50), "short document here");
    PrepareReport report =
        run(settings(jsonLines("input.jsonl.gz", documents)).maxDocumentCharacters(20));
    assertThat(report.manifest().counts()).isEqualTo(new CorpusCounts(4, 2, 0, 1));
    assertThat(rows(Split.TRAIN))
        .isEqualTo(packed(List.of("x".repeat(20), "short document here"), 16));
  }

  @Test
  void secondRunWithTheSameSettingsDoesNothing() throws IOException {
    PrepareSettings.Builder settings = settings(jsonLines("input.jsonl.gz", documents(50, 9)));
    PrepareReport first = run(settings);
    SortedMap<String, byte[]> content = TestFolders.content(output);
    PrepareReport second = run(settings);
    assertThat(first.wasComplete()).isFalse();
    assertThat(second.wasComplete()).isTrue();
    assertThat(second.manifest()).isEqualTo(first.manifest());
    assertSame(TestFolders.content(output), content);
  }

  @Test
  void interruptedRunIsContinuedToTheSameBytes() throws IOException {
    PrepareSettings.Builder settings =
        settings(jsonLines("input.jsonl.gz", documents(200, 10)))
            .shardBytes(10_000)
            .heldOutShare(0.05);
    int shards = run(settings).shardsWritten();
    SortedMap<String, byte[]> content = TestFolders.content(output);
    assertThat(shards).isGreaterThan(4);

    // Killed after a shard's record, after a shard's file, and before anything of a shard.
    Files.delete(output.resolve("manifest.json"));
    Files.delete(output.resolve("finished/train-00001.json"));
    Files.delete(output.resolve("finished/train-00003.json"));
    Files.delete(output.resolve("train-00003.arrow"));
    Files.delete(output.resolve("finished/validation-00000.json"));
    PrepareReport continued = run(settings);

    assertThat(continued.shardsWritten()).isEqualTo(3);
    assertThat(continued.shardsReused()).isEqualTo(shards - 3);
    assertSame(TestFolders.content(output), content);
  }

  @Test
  void shardFileThatIsLostIsMadeAgain() throws IOException {
    PrepareSettings.Builder settings =
        settings(jsonLines("input.jsonl.gz", documents(200, 11))).shardBytes(10_000);
    run(settings);
    SortedMap<String, byte[]> content = TestFolders.content(output);
    Files.delete(output.resolve("manifest.json"));
    Files.write(output.resolve("train-00002.arrow"), new byte[100]);
    assertThat(run(settings).shardsWritten()).isEqualTo(1);
    assertSame(TestFolders.content(output), content);
  }

  @Test
  void runThatWasKilledBeforeTheManifestOnlyWritesIt() throws IOException {
    PrepareSettings.Builder settings = settings(jsonLines("input.jsonl.gz", documents(50, 18)));
    PrepareReport first = run(settings);
    SortedMap<String, byte[]> content = TestFolders.content(output);
    Files.delete(output.resolve("manifest.json"));
    PrepareReport second = run(settings);
    assertThat(second.shardsWritten()).isZero();
    assertThat(second.shardsReused()).isEqualTo(first.shardsWritten());
    assertThat(second.wasComplete()).isFalse();
    assertSame(TestFolders.content(output), content);
  }

  @Test
  void validationFilesWithTooLittleTextAreRefused() throws IOException {
    Path input = jsonLines("input.jsonl.gz", documents(5, 19));
    Path validation = jsonLines("validation.jsonl.gz", List.of("tiny"));
    assertThatThrownBy(() -> run(settings(input).validation(List.of(validation.toString()))))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("validation", "5 tokens", "16");
  }

  @Test
  void otherSettingsOnTheSameFolderAreRefusedByName() throws IOException {
    Path input = jsonLines("input.jsonl.gz", documents(50, 12));
    run(settings(input));
    assertThatThrownBy(() -> run(settings(input).seqLen(32).maxDocumentCharacters(77)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll(
            "seq-len is 32 now, but was 16", "max-document-characters is 77", output.toString());
    Path more = jsonLines("more.jsonl.gz", documents(50, 13));
    assertThatThrownBy(() -> run(settings(input, more)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("input is ");
  }

  @Test
  void folderWithOtherFilesIsRefused() throws IOException {
    Files.createDirectories(output);
    Files.writeString(output.resolve("thesis.txt"), "years of work");
    Path input = jsonLines("input.jsonl.gz", documents(5, 14));
    assertThatThrownBy(() -> run(settings(input)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(output.toString());
  }

  @Test
  void changedInputDoesNotContinueAnInterruptedRun() throws IOException {
    Path input = folder.resolve("input.jsonl");
    Files.writeString(input, "{\"text\": \"this is the first text\"}\n");
    run(settings(input));
    Files.delete(output.resolve("manifest.json"));
    Files.writeString(input, "{\"text\": \"this is the other text\"}\n");
    assertThatThrownBy(() -> run(settings(input)))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("The input has changed");
  }

  @Test
  void malformedLineIsNamedWithItsFile() throws IOException {
    Path input = folder.resolve("input.jsonl");
    Files.writeString(input, "{\"text\": \"fine\"}\n{\"text\": \"broken}\n");
    assertThatThrownBy(() -> run(settings(input)))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("Line 2", "input.jsonl");
  }

  @Test
  void missingInputIsNamed() {
    assertThatThrownBy(() -> run(settings(folder.resolve("nowhere.jsonl"))))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("nowhere.jsonl");
  }

  @Test
  void allWrongSettingsAreReportedAtOnce() {
    assertThatThrownBy(() -> run(settings().seqLen(1).tokenizer("").heldOutShare(2)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("input", "seq-len is 1", "tokenizer", "held-out-share is 2.0");
  }

  @Test
  void tooLittleTextForARowIsRefused() throws IOException {
    Path input = jsonLines("input.jsonl.gz", List.of("tiny"));
    assertThatThrownBy(() -> run(settings(input)))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("1 documents", "5 tokens", "16");
  }

  @Test
  void teacherGivesTokenizerAndVocabulary() throws IOException {
    Path teacher = Files.createDirectories(folder.resolve("teacher"));
    Files.write(teacher.resolve("tokenizer.json"), TestTokenizers.bytes());
    Files.writeString(teacher.resolve("config.json"), "{\"vocab_size\": 70000}");
    Path input = jsonLines("input.jsonl.gz", documents(5, 15));
    PrepareReport report = run(settings(input).tokenizer("").teacher(teacher.toString()));
    assertThat(report.manifest().vocabularySize()).isEqualTo(70000);

    output = folder.resolve("refused");
    Files.writeString(teacher.resolve("config.json"), "{\"vocab_size\": 200}");
    assertThatThrownBy(() -> run(settings(input).tokenizer("").teacher(teacher.toString())))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("257", "200");
  }

  @Test
  void progressEndsWithEverything() throws IOException {
    ConcurrentLinkedQueue<PrepareProgress> heard = new ConcurrentLinkedQueue<>();
    Path input = jsonLines("input.jsonl.gz", documents(100, 16));
    PrepareReport report =
        PrepareJob.run(spark(), settings(input).shardBytes(5000).build(), heard::add);
    List<PrepareProgress> all = List.copyOf(heard);
    assertThat(all.get(0).phase()).isEqualTo(PrepareProgress.Phase.READING);
    assertThat(all).isSortedAccordingTo((a, b) -> a.phase().compareTo(b.phase()));
    PrepareProgress last = all.get(all.size() - 1);
    assertThat(last.phase()).isEqualTo(PrepareProgress.Phase.TOKENISING);
    assertThat(last.share()).isLessThanOrEqualTo(1);
    assertThat(last.tokens()).isLessThanOrEqualTo(report.tokensMade());
  }

  @Test
  void damagedShardIsNoticedWhenItIsRead() throws IOException {
    PrepareReport report = run(settings(jsonLines("input.jsonl.gz", documents(50, 17))));
    ShardEntry entry = report.manifest().train().shards().get(0);
    Path shard = output.resolve(entry.file());
    byte[] content = Files.readAllBytes(shard);
    content[content.length / 2] ^= 1;
    Files.write(shard, content);
    assertThatThrownBy(() -> rows(Split.TRAIN))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(entry.file(), entry.sha256());
  }
}
