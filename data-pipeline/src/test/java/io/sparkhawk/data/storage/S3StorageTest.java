package io.sparkhawk.data.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.testing.FaultyNetwork;
import io.sparkhawk.testing.FaultyNetwork.Fault;
import io.sparkhawk.testing.S3Server;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The storage on a real S3 server, with and without a network that fails. */
@Timeout(120)
class S3StorageTest {

  private static final byte[] MINE = bytes("mine");
  private static final byte[] OTHERS = bytes("others");

  private static S3Server server;
  private static FaultyNetwork network;
  private static Storage direct;

  /** Behind the faulty network; the AWS library and s3a repeat nothing by themselves. */
  private static Storage impatient;

  /** Behind the faulty network, with the usual repetitions. */
  private static Storage usual;

  @BeforeAll
  static void start() {
    server = S3Server.start();
    network = FaultyNetwork.before(server.port());
    direct = storage("direct", server.port(), new Configuration());
    usual = storage("usual", network.port(), new Configuration());
    Configuration once = new Configuration();
    once.set("fs.s3a.attempts.maximum", "0");
    once.set("fs.s3a.retry.limit", "0");
    impatient = storage("impatient", network.port(), once);
  }

  @AfterAll
  static void stop() {
    network.close();
    server.close();
  }

  private static Storage storage(String bucket, int port, Configuration hadoop) {
    server.bucket(bucket);
    server.hadoopSettings(port).forEach(hadoop::set);
    return Storage.of(hadoop, new Path("s3a://" + bucket + "/"));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void ofEightWritersAtOnceOneWins() throws Exception {
    Path file = new Path("s3a://direct/race/manifest");
    CountDownLatch start = new CountDownLatch(1);
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Future<Boolean>> writers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        byte[] content = bytes("writer " + i);
        writers.add(
            pool.submit(
                () -> {
                  start.await();
                  return direct.createIfAbsent(file, content);
                }));
      }
      start.countDown();
      List<Integer> winners = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        if (writers.get(i).get(60, TimeUnit.SECONDS)) {
          winners.add(i);
        }
      }
      assertThat(winners).hasSize(1);
      assertThat(direct.read(file, "The winner's file"))
          .isEqualTo(bytes("writer " + winners.get(0)));
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void takenNameKeepsItsContent() {
    Path file = new Path("s3a://direct/taken");
    assertThat(direct.createIfAbsent(file, OTHERS)).isTrue();
    assertThat(direct.createIfAbsent(file, MINE)).isFalse();
    assertThat(direct.createIfAbsent(file, OTHERS)).isTrue();
    assertThat(server.object("direct/taken")).hasBinaryContent(OTHERS);
  }

  @Test
  void lostReplyToASuccessfulWriteIsASuccess() {
    network.plan(Fault.LOSE_REPLY, 1, "PUT", "/impatient/lost");
    assertThat(impatient.createIfAbsent(new Path("s3a://impatient/lost"), MINE)).isTrue();
    // Here the AWS library puts again, and the store refuses what it has accepted before.
    network.plan(Fault.LOSE_REPLY, 1, "PUT", "/usual/lost");
    assertThat(usual.createIfAbsent(new Path("s3a://usual/lost"), MINE)).isTrue();
    assertThat(network.open()).isZero();
  }

  @Test
  void lostReplyToARefusedWriteIsALostRace() {
    Path file = new Path("s3a://impatient/raced");
    assertThat(impatient.createIfAbsent(file, OTHERS)).isTrue();
    network.plan(Fault.LOSE_REPLY, 1, "PUT", "/impatient/raced");
    assertThat(impatient.createIfAbsent(file, MINE)).isFalse();
    assertThat(network.open()).isZero();
    assertThat(server.object("impatient/raced")).hasBinaryContent(OTHERS);
  }

  @Test
  void refusedConnectionsAreTriedAgainAFewTimes() {
    network.plan(Fault.REFUSE, 2, "PUT", "/impatient/refused");
    assertThat(impatient.createIfAbsent(new Path("s3a://impatient/refused"), MINE)).isTrue();

    network.plan(Fault.REFUSE, 3, "PUT", "/impatient/never");
    Path never = new Path("s3a://impatient/never");
    assertThatThrownBy(() -> impatient.createIfAbsent(never, MINE))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("s3a://impatient/never");
    assertThat(network.open()).isZero();
    assertThat(server.object("impatient/never")).doesNotExist();
  }

  @Test
  void storageThatDoesNotAnswerIsNotTakenForMissingData() {
    Path file = new Path("s3a://impatient/silent");
    assertThat(impatient.createIfAbsent(file, MINE)).isTrue();
    network.plan(Fault.REFUSE, 3, "GET", "/impatient/silent");
    assertThatThrownBy(() -> impatient.readIfPresent(file))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("s3a://impatient/silent");
    assertThat(impatient.readIfPresent(file)).contains(MINE);
    assertThat(impatient.readIfPresent(new Path("s3a://impatient/nothing"))).isEmpty();
  }

  @Test
  void wrongCredentialAndMissingBucketAreNoReasonsToTryAgain() {
    Configuration hadoop = new Configuration();
    server.hadoopSettings().forEach(hadoop::set);
    hadoop.set("fs.s3a.secret.key", "wrong");
    server.bucket("locked");
    Storage locked = Storage.of(hadoop, new Path("s3a://locked/"));
    assertThatThrownBy(() -> locked.readIfPresent(new Path("s3a://locked/file")))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("s3a://locked/file", "credential");

    Configuration right = new Configuration();
    server.hadoopSettings().forEach(right::set);
    Path nowhere = new Path("s3a://no-such-bucket/folder");
    assertThatThrownBy(() -> Storage.of(right, nowhere).fileSystem().listStatus(nowhere))
        .isInstanceOfSatisfying(
            IOException.class,
            e ->
                assertThat(Storage.readFailure(nowhere, e))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("s3a://no-such-bucket/folder", "does not exist"));
  }

  @Test
  void lateRepliesAreWaitedFor() {
    network.plan(Fault.DELAY, 1, "PUT", "/impatient/late");
    assertThat(impatient.createIfAbsent(new Path("s3a://impatient/late"), MINE)).isTrue();
    assertThat(network.open()).isZero();
  }

  @Test
  void bodyThatIsCutShortIsReadAgain() {
    byte[] large = new byte[100_000];
    large[99_999] = 7;
    assertThat(usual.createIfAbsent(new Path("s3a://usual/large"), large)).isTrue();
    network.plan(Fault.CUT_REPLY, 1, "GET", "/usual/large");
    assertThat(usual.read(new Path("s3a://usual/large"), "The file")).isEqualTo(large);
    assertThat(network.open()).isZero();
  }
}
