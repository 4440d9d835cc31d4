package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardFormat;
import io.sparkhawk.data.shard.ShardWriter;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Checksum;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenRowsTest {

  private static final int ROW_LENGTH = 4;
  private static final int ROWS = 20_000 + 1 + 500;
  private static final ShardFormat FORMAT = new ShardFormat(ROW_LENGTH, 1 << 20, "settings");

  @TempDir private Path folder;
  private Path data;
  private Path cache;

  @BeforeEach
  void writeDataSet() throws IOException {
    data = Files.createDirectory(folder.resolve("data"));
    cache = folder.resolve("cache");
    List<ShardEntry> shards =
        List.of(shard("a", 0, 20_000), shard("b", 20_000, 1), shard("c", 20_001, 500));
    SplitManifest train = new SplitManifest(1, 1, Map.of(), shards);
    SplitManifest validation = new SplitManifest(0, 0, Map.of(), List.of());
    writeManifest(train, validation);
  }

  private void writeManifest(SplitManifest train, SplitManifest validation) throws IOException {
    DataManifest manifest =
        new DataManifest(
            DataManifest.FORMAT,
            ROW_LENGTH,
            FORMAT.vocabularySize(),
            0,
            "tokenizer",
            FORMAT.settingsSha256(),
            "corpus",
            new CorpusCounts(1, 0, 0, 0),
            List.of(),
            train,
            validation);
    Files.write(data.resolve(DataManifest.FILE_NAME), manifest.toJson());
  }

  /** A shard whose row r, counted over all shards, holds 4r .. 4r + 3. */
  private ShardEntry shard(String name, int firstRow, int rows) throws IOException {
    Path file = data.resolve(name + ".arrow");
    try (ShardWriter writer = ShardWriter.create(file, FORMAT)) {
      for (int row = firstRow; row < firstRow + rows; row++) {
        writer.add(row(row), 0);
      }
      writer.finish();
    }
    return new ShardEntry(
        name + ".arrow", rows, (long) rows * ROW_LENGTH, Files.size(file), Checksum.of(file));
  }

  private static int[] row(int row) {
    return new int[] {4 * row, 4 * row + 1, 4 * row + 2, 4 * row + 3};
  }

  private TokenRows open() {
    return TokenRows.open(new Configuration(), data.toString(), Split.TRAIN, cache);
  }

  /** The same folder as a file system that Hadoop does not know to be local. */
  private TokenRows openRemotely() {
    Configuration hadoop = new Configuration();
    hadoop.set("fs.file.impl", RawLocalFileSystem.class.getName());
    hadoop.set("fs.viewfs.impl.disable.cache", "true");
    hadoop.set("fs.viewfs.mounttable.test.link./data", data.toUri().toString());
    return TokenRows.open(hadoop, "viewfs://test/data", Split.TRAIN, cache);
  }

  private static int[] read(TokenRows rows, long row) {
    int[] ids = new int[ROW_LENGTH];
    rows.read(row, ids, 0);
    return ids;
  }

  @Test
  void rowsOfAllShardsAreNumberedThrough() {
    try (TokenRows rows = open()) {
      assertThat(rows.rows()).isEqualTo(ROWS);
      assertThat(rows.rowLength()).isEqualTo(ROW_LENGTH);
      for (int row = 0; row < ROWS; row++) {
        assertThat(read(rows, row)).isEqualTo(row(row));
      }
    }
  }

  @Test
  void rowsAreReadInAnyOrder() {
    long seed = System.nanoTime();
    System.out.println("TokenRowsTest seed " + seed);
    SampleOrder order = SampleOrder.shuffled(seed, ROWS);
    try (TokenRows rows = open()) {
      for (int sample = 0; sample < 2000; sample++) {
        int row = (int) order.row(sample);
        assertThat(read(rows, row)).isEqualTo(row(row));
      }
    }
  }

  @Test
  void rowIsWrittenAtItsOffsetAndNowhereElse() {
    int[] target = new int[10];
    Arrays.fill(target, -1);
    try (TokenRows rows = open()) {
      rows.read(20_000, target, 3);
    }
    assertThat(target).containsExactly(-1, -1, -1, 80_000, 80_001, 80_002, 80_003, -1, -1, -1);
  }

  @Test
  void threadsMayReadAtOnce() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    try (TokenRows rows = open()) {
      List<Future<?>> readers = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        Random random = new Random(thread);
        readers.add(
            pool.submit(
                () -> {
                  for (int i = 0; i < 300; i++) {
                    int row = random.nextInt(ROWS);
                    assertThat(read(rows, row)).isEqualTo(row(row));
                  }
                }));
      }
      for (Future<?> reader : readers) {
        reader.get(60, TimeUnit.SECONDS);
      }
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void localShardsAreReadInPlaceAndRemoteOnesCopiedOnce() throws IOException {
    try (TokenRows rows = open()) {
      assertThat(read(rows, 5)).isEqualTo(row(5));
    }
    assertThat(cache).doesNotExist();

    try (TokenRows rows = openRemotely()) {
      assertThat(read(rows, 5)).isEqualTo(row(5));
    }
    assertThat(cached()).hasSize(1);

    Files.delete(data.resolve("a.arrow"));
    try (TokenRows rows = openRemotely()) {
      assertThat(read(rows, 6)).isEqualTo(row(6));
      assertThat(read(rows, 20_000)).isEqualTo(row(20_000));
    }
    assertThat(cached()).hasSize(2);
  }

  private List<Path> cached() throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files.toList();
    }
  }

  @Test
  void shardThatChangedIsRefusedWhenItIsFirstRead() throws IOException {
    byte[] content = Files.readAllBytes(data.resolve("b.arrow"));
    content[content.length / 2] ^= 4;
    Files.write(data.resolve("b.arrow"), content);
    try (TokenRows rows = open()) {
      assertThat(read(rows, 0)).isEqualTo(row(0));
      assertThatThrownBy(() -> read(rows, 20_000))
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll("b.arrow", "SHA-256");
    }
  }

  @Test
  void missingShardIsNamed() throws IOException {
    Files.delete(data.resolve("c.arrow"));
    try (TokenRows rows = open()) {
      assertThatThrownBy(() -> read(rows, 20_001))
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll("c.arrow", "missing");
    }
    try (TokenRows rows = openRemotely()) {
      assertThatThrownBy(() -> read(rows, 20_001))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("c.arrow");
    }
  }

  @Test
  void rowsThatDoNotExistAreRefused() {
    try (TokenRows rows = open()) {
      assertThatThrownBy(() -> read(rows, ROWS)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> read(rows, -1)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> rows.read(0, new int[5], 2))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void emptySplitHasNoRows() {
    try (TokenRows rows =
        TokenRows.open(new Configuration(), data.toString(), Split.VALIDATION, cache)) {
      assertThat(rows.rows()).isZero();
    }
  }

  @Test
  void unfinishedFolderIsRefused() throws IOException {
    Files.delete(data.resolve(DataManifest.FILE_NAME));
    assertThatThrownBy(() -> open().close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(data.toString(), "not a finished data set");
  }

  @Test
  void manifestOfAnotherVersionIsRefused() throws IOException {
    Path file = data.resolve(DataManifest.FILE_NAME);
    String manifest = Files.readString(file).replace("\"format\" : 1", "\"format\" : 9");
    Files.writeString(file, manifest, StandardCharsets.UTF_8);
    assertThatThrownBy(() -> open().close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("manifest.json", "version 9", "reads version 1");
  }
}
