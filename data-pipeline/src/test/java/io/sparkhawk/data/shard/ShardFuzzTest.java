package io.sparkhawk.data.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.testing.Fuzz;
import io.sparkhawk.testing.Mutations;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.UInt2Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.compression.CompressionUtil.CodecType;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Manifests and shards that were damaged, or made to do harm. */
@Timeout(120)
class ShardFuzzTest {

  private static final ShardFormat FORMAT = new ShardFormat(64, 1000, "settings");
  private static final int ROWS = 600;
  private static final Configuration HADOOP = new Configuration();

  @TempDir private Path folder;

  @Test
  void damagedManifestIsTakenOrRefusedInASentence() {
    String manifest = new String(manifest().toJson(), StandardCharsets.UTF_8);
    String file = folder.resolve(DataManifest.FILE_NAME).toString();
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(DataException.class, file)
            .within(2 << 20, 100)
            .run(
                2000,
                random -> Mutations.ofJson(random, manifest),
                content ->
                    requireUsable(
                        DataManifest.parse(new org.apache.hadoop.fs.Path(file), content)));
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }

  /** All that a reader derives from it lies where it should. */
  private void requireUsable(DataManifest manifest) {
    for (SplitManifest split : List.of(manifest.train(), manifest.validation())) {
      assertThat(split.rows()).isNotNegative();
      assertThat(split.tokens()).isNotNegative();
      assertThat(split.bytes()).isNotNegative();
      for (ShardEntry shard : split.shards()) {
        assertThat(folder.resolve(shard.file()).normalize().getParent()).isEqualTo(folder);
        assertThat(folder.resolve(shard.sha256()).normalize().getParent()).isEqualTo(folder);
      }
    }
    assertThat(manifest.shardFormat().rowsPerBatch()).isPositive();
  }

  private void readAsTrainingDoes() {
    TokenRows.open(HADOOP, folder.toString(), Split.TRAIN, folder.resolve("cache")).close();
  }

  private static DataManifest manifest() {
    ShardEntry first = new ShardEntry("train-00000.arrow", 600, 600 * 64, 9000, "a".repeat(64));
    ShardEntry second = new ShardEntry("train-00001.arrow", 2, 2 * 64, 900, "b".repeat(64));
    ShardEntry heldOut = new ShardEntry("validation-0.arrow", 1, 64, 800, "c".repeat(64));
    Map<String, SourceCount> sources = Map.of("book", new SourceCount(10, 38_528));
    return new DataManifest(
        DataManifest.FORMAT,
        64,
        1000,
        0,
        "tokenizer",
        "settings",
        "corpus",
        new CorpusCounts(11, 0, 3, 0),
        List.of(new DataManifest.SourceFile("file:/corpus.jsonl", 100_000, 11)),
        new SplitManifest(10, 38_528, sources, List.of(first, second)),
        new SplitManifest(1, 70, sources, List.of(heldOut)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../train.arrow", "/etc/passwd", "a/b", "..", "", "file:x", "a\\b", "s3a://b/k"})
  void shardOutsideTheFolderIsRefused(String name) throws IOException {
    Path file = folder.resolve(DataManifest.FILE_NAME);
    String json = new String(manifest().toJson(), StandardCharsets.UTF_8);
    Files.writeString(file, json.replace("train-00001.arrow", name.replace("\\", "\\\\")));
    assertThatThrownBy(this::readAsTrainingDoes)
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(file.toString(), "'" + name + "' is not the name of a shard");
  }

  /** Copies of remote shards are named by their checksums. */
  @Test
  void checksumThatIsAPathIsRefused() throws IOException {
    Path file = folder.resolve(DataManifest.FILE_NAME);
    String json = new String(manifest().toJson(), StandardCharsets.UTF_8);
    Files.writeString(file, json.replace("b".repeat(64), "../../home/user/.profile"));
    assertThatThrownBy(this::readAsTrainingDoes)
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(file.toString(), "train-00001.arrow has no checksum");
  }

  @Test
  void fileThatIsTooLargeForAManifestIsNotRead() throws IOException {
    Path file = folder.resolve(DataManifest.FILE_NAME);
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(1L << 40);
    }
    assertThatThrownBy(this::readAsTrainingDoes)
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(file.toString(), "larger than " + Storage.MAX_WHOLE_BYTES);
  }

  /** A forger makes the manifest's checksum fit, so the checksum of each input is the expected. */
  @Test
  void forgedShardIsTakenOrRefusedInASentence() throws IOException {
    byte[] shard = shard();
    Path file = folder.resolve("shard.arrow");
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(DataException.class, file.toString())
            .within(8 << 20, 100)
            .run(
                2000,
                random -> mutated(random, shard),
                content -> {
                  Files.write(file, content);
                  readAll(file, content);
                });
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }

  /** Most of a shard is compressed ids; what steers the reader stands at its ends. */
  private static byte[] mutated(Random random, byte[] shard) {
    int part = random.nextInt(3);
    if (part == 0) {
      return Mutations.ofBytes(random, shard);
    }
    int length = Math.min(shard.length, 1500);
    int from = part == 1 ? 0 : shard.length - length;
    byte[] copy = shard.clone();
    byte[] end = Mutations.ofBytes(random, Arrays.copyOfRange(shard, from, from + length));
    System.arraycopy(end, 0, copy, from, Math.min(end.length, length));
    return copy;
  }

  private static void readAll(Path file, byte[] content) {
    ShardEntry entry =
        new ShardEntry(
            "shard.arrow", ROWS, ROWS * 64L, content.length, Checksum.of(ByteBuffer.wrap(content)));
    try (ShardReader reader = ShardReader.open(file, entry, FORMAT)) {
      for (int i = 0; i < reader.batches(); i++) {
        assertThat(reader.batch(i)).hasSizeLessThanOrEqualTo(1 << 14);
      }
    }
  }

  private byte[] shard() throws IOException {
    Path file = folder.resolve("good.arrow");
    Random random = new Random(1);
    try (ShardWriter writer = ShardWriter.create(file, FORMAT)) {
      for (int row = 0; row < ROWS; row++) {
        writer.add(random.ints(64, 0, 1000).toArray(), 0);
      }
      writer.finish();
    }
    return Files.readAllBytes(file);
  }

  /** 400 MB of zeros fit a few kilobytes of zstd. */
  @Test
  void batchThatDecompressesToTooMuchIsRefused() throws IOException {
    Path file = folder.resolve("bomb.arrow");
    writeBomb(file, 200_000_000 / 64);
    byte[] content = Files.readAllBytes(file);
    assertThat(content).hasSizeLessThan(1 << 20);
    assertThatThrownBy(() -> readAll(file, content))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(file.toString());
  }

  private static void writeBomb(Path file, int rows) throws IOException {
    Map<String, String> metadata = FORMAT.metadata();
    metadata.put(ShardFormat.ROWS_KEY, Integer.toString(ROWS));
    metadata.put(ShardFormat.ROWS_PER_BATCH_KEY, Integer.toString(ROWS));
    try (RootAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(FORMAT.schema(), allocator);
        ArrowFileWriter writer =
            new ArrowFileWriter(
                root,
                new MapDictionaryProvider(),
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                metadata,
                IpcOption.DEFAULT,
                CommonsCompressionFactory.INSTANCE,
                CodecType.ZSTD)) {
      FixedSizeListVector list = (FixedSizeListVector) root.getVector(ShardFormat.COLUMN);
      UInt2Vector ids = (UInt2Vector) list.getDataVector();
      ids.allocateNew(rows * 64);
      ids.setValueCount(rows * 64);
      list.setValueCount(rows);
      root.setRowCount(rows);
      writer.start();
      writer.writeBatch();
      writer.end();
    }
  }
}
