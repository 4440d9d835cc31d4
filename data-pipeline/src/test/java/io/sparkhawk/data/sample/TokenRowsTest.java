package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.storage.Checksum;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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

  private static final int ROW_LENGTH = TestDataSet.ROW_LENGTH;
  private static final int ROWS = 20_000 + 1 + 500;
  private static final long ALL = Long.MAX_VALUE;

  @TempDir private Path folder;
  private Path data;
  private Path cache;

  @BeforeEach
  void writeDataSet() throws IOException {
    data = folder.resolve("data");
    cache = folder.resolve("cache");
    TestDataSet.write(data, 20_000, 1, 500);
  }

  private TokenRows open() {
    return TokenRows.open(new Configuration(), data.toString(), Split.TRAIN, cache);
  }

  /** The same folder as a file system that Hadoop does not know to be local. */
  private TokenRows openRemotely() {
    return openRemotely(TokenRows.USUAL_CACHE_BYTES);
  }

  private TokenRows openRemotely(long cacheBytes) {
    Configuration hadoop = new Configuration();
    hadoop.set("fs.file.impl", RawLocalFileSystem.class.getName());
    hadoop.set("fs.viewfs.impl.disable.cache", "true");
    hadoop.set("fs.viewfs.mounttable.test.link./data", data.toUri().toString());
    return TokenRows.open(hadoop, "viewfs://test/data", Split.TRAIN, cache, cacheBytes);
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
        assertThat(read(rows, row)).isEqualTo(TestDataSet.row(row));
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
        assertThat(read(rows, row)).isEqualTo(TestDataSet.row(row));
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
                    assertThat(read(rows, row)).isEqualTo(TestDataSet.row(row));
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
      assertThat(read(rows, 5)).isEqualTo(TestDataSet.row(5));
    }
    assertThat(cache).doesNotExist();

    try (TokenRows rows = openRemotely()) {
      assertThat(read(rows, 5)).isEqualTo(TestDataSet.row(5));
    }
    assertThat(cached()).hasSize(1);

    Files.delete(data.resolve("shard-0.arrow"));
    try (TokenRows rows = openRemotely()) {
      assertThat(read(rows, 6)).isEqualTo(TestDataSet.row(6));
      assertThat(read(rows, 20_000)).isEqualTo(TestDataSet.row(20_000));
    }
    assertThat(cached()).hasSize(2);
  }

  private List<Path> cached() throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files.filter(file -> file.toString().endsWith(".arrow")).toList();
    }
  }

  @Test
  void shardThatChangedIsRefusedWhenItIsFirstRead() throws IOException {
    byte[] content = Files.readAllBytes(data.resolve("shard-1.arrow"));
    content[content.length / 2] ^= 4;
    Files.write(data.resolve("shard-1.arrow"), content);
    try (TokenRows rows = open()) {
      assertThat(read(rows, 0)).isEqualTo(TestDataSet.row(0));
      assertThatThrownBy(() -> read(rows, 20_000))
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll("shard-1.arrow", "SHA-256");
    }
  }

  @Test
  void copiesUsedLeastRecentlyMakeRoomForNewOnes() throws IOException {
    long a = Files.size(data.resolve("shard-0.arrow"));
    long b = Files.size(data.resolve("shard-1.arrow"));
    long c = Files.size(data.resolve("shard-2.arrow"));
    try (TokenRows rows = openRemotely(a + b)) {
      assertThat(read(rows, 0)).isEqualTo(TestDataSet.row(0));
      assertThat(read(rows, 20_000)).isEqualTo(TestDataSet.row(20_000));
      assertThat(cachedBytes()).containsExactlyInAnyOrder(a, b);
      assertThat(read(rows, 20_001)).isEqualTo(TestDataSet.row(20_001));
      assertThat(cachedBytes()).containsExactlyInAnyOrder(b, c);
    }
    try (TokenRows rows = openRemotely(1)) {
      for (int row : new int[] {0, 20_000, 20_001, 1, 20_000, 20_500, 19_999}) {
        assertThat(read(rows, row)).isEqualTo(TestDataSet.row(row));
      }
      assertThat(cachedBytes()).containsExactly(a);
    }
  }

  @Test
  void unfinishedCopiesOfKilledProcessesAreClearedAway() throws IOException {
    Files.createDirectories(cache);
    Path old = Files.write(cache.resolve("0.arrow.old.tmp"), new byte[100]);
    Path growing = Files.write(cache.resolve("0.arrow.growing.tmp"), new byte[100]);
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofHours(2))));
    try (TokenRows rows = openRemotely()) {
      read(rows, 0);
    }
    assertThat(old).doesNotExist();
    assertThat(growing).exists();
  }

  @Test
  void damagedOrVanishedCopyIsFetchedAgain() throws IOException {
    try (TokenRows rows = openRemotely()) {
      read(rows, 0);
    }
    byte[] content = Files.readAllBytes(cached().get(0));
    content[content.length / 2] ^= 4;
    Files.write(cached().get(0), content);
    try (TokenRows rows = openRemotely()) {
      assertThat(read(rows, 0)).isEqualTo(TestDataSet.row(0));
    }
    try (TokenRows rows = openRemotely()) {
      rows.follow(rows.order(1, ALL), 1000);
      rows.reached(0);
      Files.deleteIfExists(cached().get(0));
      assertThat(read(rows, 0)).isEqualTo(TestDataSet.row(0));
    }
  }

  @Test
  void remoteShardThatChangedIsRefusedWithBothChecksums() throws IOException {
    String expected = Checksum.of(data.resolve("shard-1.arrow"));
    byte[] content = Files.readAllBytes(data.resolve("shard-1.arrow"));
    content[content.length / 2] ^= 4;
    Files.write(data.resolve("shard-1.arrow"), content);
    try (TokenRows rows = openRemotely()) {
      rows.follow(rows.order(1, ALL), 1000);
      rows.reached(0);
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> read(rows, 20_000))
            .isInstanceOf(DataException.class)
            .hasMessageContainingAll("shard-1.arrow", expected, Checksum.of(content), "again");
      }
      assertThat(read(rows, 0)).isEqualTo(TestDataSet.row(0));
    }
  }

  private List<Long> cachedBytes() throws IOException {
    List<Long> sizes = new ArrayList<>();
    for (Path file : cached()) {
      sizes.add(Files.size(file));
    }
    return sizes;
  }

  @Test
  void missingShardIsNamed() throws IOException {
    Files.delete(data.resolve("shard-2.arrow"));
    try (TokenRows rows = open()) {
      assertThatThrownBy(() -> read(rows, 20_001))
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll("shard-2.arrow", "missing");
    }
    try (TokenRows rows = openRemotely()) {
      assertThatThrownBy(() -> read(rows, 20_001))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("shard-2.arrow");
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
