package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.testing.FaultyNetwork;
import io.sparkhawk.testing.FaultyNetwork.Fault;
import io.sparkhawk.testing.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Rows of a data set on a real S3 server, behind a network that fails. */
@Timeout(120)
class S3RowsTest {

  private static final int SHARDS = 4;
  private static final int ROWS = 3000;

  @TempDir private static Path local;
  private static S3Server server;
  private static FaultyNetwork network;
  private static Configuration hadoop;

  @TempDir private Path cache;

  @BeforeAll
  static void upload() throws IOException {
    server = S3Server.start();
    server.bucket("rows");
    network = FaultyNetwork.before(server.port());
    hadoop = new Configuration();
    server.hadoopSettings(network.port()).forEach(hadoop::set);
    hadoop.set("fs.s3a.input.stream.type", "classic");
    // The libraries repeat nothing by themselves.
    hadoop.set("fs.s3a.attempts.maximum", "0");
    hadoop.set("fs.s3a.retry.limit", "0");
    TestDataSet.write(local.resolve("data"), ROWS, ROWS, ROWS, ROWS);
    org.apache.hadoop.fs.Path target = new org.apache.hadoop.fs.Path("s3a://rows/data");
    target
        .getFileSystem(hadoop)
        .copyFromLocalFile(new org.apache.hadoop.fs.Path(local.resolve("data").toUri()), target);
  }

  @AfterAll
  static void stop() {
    network.close();
    server.close();
  }

  private TokenRows open() {
    return TokenRows.open(hadoop, "s3a://rows/data", Split.TRAIN, cache);
  }

  private static int[] read(TokenRows rows, int row) {
    int[] ids = new int[TestDataSet.ROW_LENGTH];
    rows.read(row, ids, 0);
    return ids;
  }

  private long copies() throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files.filter(file -> file.toString().endsWith(".arrow")).count();
    }
  }

  @Test
  void storageThatRefusesForAWhileIsAskedAgain() {
    try (TokenRows rows = open()) {
      network.plan(Fault.REFUSE, 2, "GET", "shard-0.arrow");
      assertThat(read(rows, 7)).isEqualTo(TestDataSet.row(7));
      assertThat(network.open()).isZero();
    }
  }

  @Test
  void shardThatIsDamagedOrCutOnTheWayIsFetchedAgain() {
    network.plan(Fault.FLIP_BIT, 1, "GET", "shard-1.arrow");
    network.plan(Fault.CUT_REPLY, 1, "GET", "shard-2.arrow");
    try (TokenRows rows = open()) {
      for (int row = 0; row < SHARDS * ROWS; row += 500) {
        assertThat(read(rows, row)).isEqualTo(TestDataSet.row(row));
      }
    }
    assertThat(network.open()).isZero();
  }

  @Test
  void expectedRowsAreFetchedBeforeTheyAreAskedFor() throws IOException {
    try (TokenRows rows = open()) {
      rows.follow(rows.order(1, Long.MAX_VALUE), Long.MAX_VALUE);
      rows.reached(0);
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (copies() < SHARDS && System.nanoTime() < deadline) {
        LockSupport.parkNanos(1_000_000);
      }
      assertThat(copies()).isEqualTo(SHARDS);
      network.plan(Fault.REFUSE, Integer.MAX_VALUE, "GET", "shard-");
      for (int shard = 0; shard < SHARDS; shard++) {
        assertThat(read(rows, shard * ROWS + 1)).isEqualTo(TestDataSet.row(shard * ROWS + 1));
      }
    } finally {
      network.heal();
    }
  }
}
