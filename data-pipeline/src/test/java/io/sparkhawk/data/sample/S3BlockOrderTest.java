package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.testing.FaultyNetwork;
import io.sparkhawk.testing.FaultyNetwork.Fault;
import io.sparkhawk.testing.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Reading a data set on a real S3 server that is four times as large as the local cache. */
@Timeout(180)
class S3BlockOrderTest {

  private static final int SHARDS = 30;
  private static final int SHARD_ROWS = 50;
  private static final int ROWS = SHARDS * SHARD_ROWS;

  /** Ten blocks of three shards. */
  private static final int BLOCK_ROWS = 3 * SHARD_ROWS;

  private static final long BLOCK_TOKENS = (long) BLOCK_ROWS * TestDataSet.ROW_LENGTH;
  private static final int STEP = 30;

  @TempDir private static Path local;
  private static S3Server server;
  private static FaultyNetwork network;
  private static Configuration hadoop;
  private static long shardBytes;

  @TempDir private Path cache;
  private long[] seenBefore;
  private long mostBytes;

  @BeforeAll
  static void upload() throws IOException {
    server = S3Server.start();
    server.bucket("blocks");
    network = FaultyNetwork.before(server.port());
    hadoop = new Configuration();
    server.hadoopSettings(network.port()).forEach(hadoop::set);
    hadoop.set("fs.s3a.input.stream.type", "classic");
    int[] rows = new int[SHARDS];
    Arrays.fill(rows, SHARD_ROWS);
    TestDataSet.write(local.resolve("data"), rows);
    for (int shard = 0; shard < SHARDS; shard++) {
      shardBytes =
          Math.max(shardBytes, Files.size(local.resolve("data/shard-" + shard + ".arrow")));
    }
    org.apache.hadoop.fs.Path target = new org.apache.hadoop.fs.Path("s3a://blocks/data");
    target
        .getFileSystem(hadoop)
        .copyFromLocalFile(new org.apache.hadoop.fs.Path(local.resolve("data").toUri()), target);
  }

  @AfterAll
  static void stop() {
    network.close();
    server.close();
  }

  @BeforeEach
  void count() {
    seenBefore = seen();
  }

  @AfterEach
  void heal() {
    network.heal();
  }

  /** How often each shard was asked for so far. */
  private static long[] seen() {
    return IntStream.range(0, SHARDS)
        .mapToLong(shard -> network.seen("GET", "shard-" + shard + ".arrow"))
        .toArray();
  }

  /** How often each shard was asked for in this test. */
  private long[] fetches() {
    long[] now = seen();
    return IntStream.range(0, SHARDS).mapToLong(shard -> now[shard] - seenBefore[shard]).toArray();
  }

  /** Two and a half blocks. */
  private static long cacheBytes() {
    return 15 * shardBytes / 2;
  }

  private TokenRows open() {
    return TokenRows.open(hadoop, "s3a://blocks/data", Split.TRAIN, cache, cacheBytes());
  }

  @Test
  void everyShardIsFetchedOnceInAnEpochAndNoStepWaits() throws IOException {
    try (TokenRows rows = open()) {
      SampleOrder order = rows.order(7, BLOCK_TOKENS);
      rows.follow(order, ROWS);
      for (int first = 0; first < ROWS; first += STEP) {
        rows.reached(first);
        if (first % BLOCK_ROWS == 0) {
          awaitIdle(rows); // the time that training a block takes
        }
        read(rows, order, first, 0, 1);
        watchSize();
      }
      assertThat(rows.waits()).isZero();
    }
    assertThat(fetches()).containsOnly(1);
    assertThat(mostBytes).isBetween(6 * (shardBytes - 100), cacheBytes());
  }

  @Test
  void nextBlockIsHereBeforeTheCurrentOneIsRead() throws IOException {
    try (TokenRows rows = open()) {
      SampleOrder order = rows.order(8, BLOCK_TOKENS);
      rows.follow(order, Long.MAX_VALUE);
      int middle = 3 * BLOCK_ROWS;
      rows.reached(middle);
      awaitIdle(rows);
      network.plan(Fault.REFUSE, Integer.MAX_VALUE, "GET", "shard-");
      for (int first = middle; first < middle + 2 * BLOCK_ROWS; first += STEP) {
        read(rows, order, first, 0, 1);
      }
      assertThat(rows.waits()).isZero();
    }
  }

  @Test
  void workersOfOneMachineShareTheirFetches() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(2);
    try (TokenRows one = open();
        TokenRows other = open()) {
      SampleOrder order = one.order(9, BLOCK_TOKENS);
      one.follow(order, ROWS);
      other.follow(order, ROWS);
      for (int first = 0; first < ROWS; first += STEP) {
        List<Future<?>> ranks = new ArrayList<>();
        int sample = first;
        ranks.add(pool.submit(() -> step(one, order, sample, 0)));
        ranks.add(pool.submit(() -> step(other, order, sample, 1)));
        for (Future<?> rank : ranks) {
          rank.get(60, TimeUnit.SECONDS);
        }
        watchSize();
      }
    } finally {
      pool.shutdownNow();
    }
    assertThat(fetches()).containsOnly(1);
    assertThat(mostBytes).isLessThanOrEqualTo(cacheBytes());
  }

  @Test
  void resumedWorkerFetchesOnlyWhatIsNotInTheCache() throws IOException {
    for (int i = 0; i < 3; i++) {
      try (TokenRows rows = open()) {
        SampleOrder order = rows.order(10, BLOCK_TOKENS);
        rows.follow(order, 2L * BLOCK_ROWS);
        rows.reached((long) i * STEP);
        awaitIdle(rows);
        read(rows, order, i * STEP, 0, 1);
      }
    }
    assertThat(fetches()).containsOnly(0, 1);
  }

  private static void step(TokenRows rows, SampleOrder order, int first, int rank) {
    rows.reached(first);
    read(rows, order, first, rank, 2);
  }

  private static void read(TokenRows rows, SampleOrder order, int first, int rank, int worldSize) {
    int[] ids = new int[TestDataSet.ROW_LENGTH];
    for (int sample = first + rank; sample < first + STEP; sample += worldSize) {
      int row = (int) order.row(sample);
      rows.read(row, ids, 0);
      assertThat(ids).isEqualTo(TestDataSet.row(row));
    }
  }

  private void awaitIdle(TokenRows rows) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!rows.idle()) {
      assertThat(System.nanoTime()).as("shards are still on their way").isLessThan(deadline);
      watchSize();
      LockSupport.parkNanos(1_000_000);
    }
  }

  private void watchSize() throws IOException {
    long bytes = 0;
    try (Stream<Path> files = Files.list(cache)) {
      for (Path file : files.toList()) {
        bytes += sizeIfThere(file);
      }
    }
    mostBytes = Math.max(mostBytes, bytes);
  }

  private static long sizeIfThere(Path file) throws IOException {
    try {
      return Files.size(file);
    } catch (NoSuchFileException e) {
      return 0;
    }
  }
}
