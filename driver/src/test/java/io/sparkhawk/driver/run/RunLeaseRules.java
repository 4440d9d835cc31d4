package io.sparkhawk.driver.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Storage;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What holds for the lease of a run on every storage. */
@Timeout(120)
abstract class RunLeaseRules {

  private static final LeaseHolder FIRST = elsewhere("node-1", 4711);
  private static final LeaseHolder SECOND = elsewhere("node-2", 4712);

  private final Path run = new Path(root(), UUID.randomUUID().toString());
  private Instant now = Instant.parse("2030-01-01T12:00:00Z");

  abstract Storage storage();

  /** A folder that is there. */
  abstract Path root();

  private static LeaseHolder elsewhere(String host, long processId) {
    return new LeaseHolder(host + "'s", host, processId, "2030-01-01T11:00:00Z", "elsewhere");
  }

  private RunLease acquire(LeaseHolder supervisor) {
    return RunLease.acquire(storage(), run, supervisor, () -> now);
  }

  private void pass(Duration time) {
    now = now.plus(time);
  }

  @Test
  void secondProcessIsRefusedAndToldWhoHoldsTheRun() {
    acquire(FIRST);
    pass(Duration.ofSeconds(59));

    assertThatThrownBy(() -> acquire(SECOND))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContainingAll(
            run.toString(),
            "process 4711 on node-1",
            "since 2030-01-01T12:00:00Z",
            "from 2030-01-01T12:01:00Z");
  }

  @Test
  void renewedLeaseIsHeldPastItsFirstTerm() {
    RunLease first = acquire(FIRST);
    for (int i = 0; i < 8; i++) {
      pass(Duration.ofSeconds(30));
      first.renew();
    }

    assertThatThrownBy(() -> acquire(SECOND)).hasMessageContaining("since 2030-01-01T12:00:00Z");
    assertThatCode(first::requireHeld).doesNotThrowAnyException();
  }

  @Test
  void leaseThatWasNotRenewedIsTakenOverAndItsHolderStops() {
    RunLease first = acquire(FIRST);
    pass(RunLease.TERM);
    RunLease second = acquire(SECOND);

    assertThatThrownBy(first::requireHeld)
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContainingAll("process 4712 on node-2", "process 4711 on node-1", "60 s");
    assertThatThrownBy(first::renew).hasMessageContaining("taken over");
    assertThatThrownBy(first::requireNotLost).hasMessageContaining("taken over");
    assertThatCode(second::requireHeld).doesNotThrowAnyException();
  }

  @Test
  void holderThatIsLateKeepsARunThatNobodyHasTaken() {
    RunLease first = acquire(FIRST);
    pass(Duration.ofHours(1));

    assertThatCode(first::requireHeld).doesNotThrowAnyException();
    assertThatThrownBy(() -> acquire(SECOND)).hasMessageContaining("node-1");
  }

  @Test
  void runThatWasGivenBackIsFreeAtOnce() {
    RunLease first = acquire(FIRST);
    first.close();
    RunLease second = acquire(SECOND);

    assertThatThrownBy(first::requireHeld).hasMessageContaining("given back");
    assertThatCode(second::requireHeld).doesNotThrowAnyException();
  }

  @Test
  void holderThatLostTheRunDoesNotGiveItBackForTheOther() {
    RunLease first = acquire(FIRST);
    pass(RunLease.TERM);
    acquire(SECOND);
    first.close();

    assertThatThrownBy(() -> acquire(FIRST)).hasMessageContaining("node-2");
  }

  @Test
  void lateRenewalUnderASweptNumberDoesNotCount() {
    RunLease first = acquire(FIRST);
    pass(RunLease.TERM);
    RunLease second = acquire(SECOND);
    second.renew();
    second.renew();

    // Number 2, which the first would write next, has been swept.
    assertThatThrownBy(first::renew).hasMessageContaining("node-2");
    assertThatCode(second::renew).doesNotThrowAnyException();
  }

  @Test
  void entriesDoNotPileUp() throws IOException {
    RunLease first = acquire(FIRST);
    for (int i = 0; i < 8; i++) {
      first.renew();
    }

    FileStatus[] files = storage().fileSystem().listStatus(new Path(run, "supervisor"));
    assertThat(Arrays.stream(files).map(file -> file.getPath().getName()))
        .containsExactlyInAnyOrder("lease-0000000008.json", "lease-0000000009.json");
  }

  @Test
  void ofFourProcessesAtOnceOneTakesTheRun() throws Exception {
    CountDownLatch start = new CountDownLatch(1);
    ExecutorService pool = Executors.newFixedThreadPool(4);
    try {
      List<Future<Optional<RunLease>>> processes = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        LeaseHolder supervisor = elsewhere("racer-" + i, i);
        processes.add(
            pool.submit(
                () -> {
                  start.await();
                  try {
                    return Optional.of(acquire(supervisor));
                  } catch (InfrastructureException e) {
                    assertThat(e).hasMessageContaining("held by process");
                    return Optional.empty();
                  }
                }));
      }
      start.countDown();
      List<RunLease> winners = new ArrayList<>();
      for (Future<Optional<RunLease>> process : processes) {
        process.get(60, TimeUnit.SECONDS).ifPresent(winners::add);
      }
      assertThat(winners).hasSize(1);
      assertThatCode(winners.get(0)::renew).doesNotThrowAnyException();
    } finally {
      pool.shutdownNow();
    }
  }
}
