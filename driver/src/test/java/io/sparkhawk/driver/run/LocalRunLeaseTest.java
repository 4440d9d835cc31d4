package io.sparkhawk.driver.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sparkhawk.data.storage.Storage;
import java.nio.file.Files;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The lease on a local disk, and what is known there of processes on the same machine. */
class LocalRunLeaseTest extends RunLeaseRules {

  private static final Instant NOW = Instant.parse("2030-01-01T12:00:00Z");

  @TempDir private static java.nio.file.Path disk;

  @Override
  Storage storage() {
    return Storage.of(new Configuration(), root());
  }

  @Override
  Path root() {
    return new Path(disk.toUri());
  }

  private RunLease acquire(String run, LeaseHolder supervisor) {
    return RunLease.acquire(storage(), new Path(root(), run), supervisor, () -> NOW);
  }

  @Test
  void runOfAProcessThatWasKilledOnThisMachineIsFreeAtOnce() throws Exception {
    assumeTrue(Files.exists(java.nio.file.Path.of("/proc/self/ns/pid")));
    Process process = new ProcessBuilder("sleep", "600").start();
    LeaseHolder killed;
    try {
      killed = LeaseHolder.ofProcess(process.toHandle());
      acquire("killed", killed);
      assertThatThrownBy(() -> acquire("killed", LeaseHolder.thisProcess()))
          .hasMessageContaining("process " + process.pid());
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();

    assertThatCode(() -> acquire("killed", LeaseHolder.thisProcess())).doesNotThrowAnyException();
    assertThat(killed.hasEnded()).isTrue();
  }

  @Test
  void laterProcessOfTheSameNumberIsNotTheHolder() {
    LeaseHolder self = LeaseHolder.thisProcess();
    assumeTrue(!self.processSpace().isEmpty());
    LeaseHolder earlier =
        new LeaseHolder(
            "earlier", self.host(), self.processId(), NOW.toString(), self.processSpace());

    assertThat(earlier.hasEnded()).isTrue();
    assertThat(self.hasEnded()).isFalse();
  }

  @Test
  void nothingIsKnownOfProcessesElsewhere() {
    assertThat(new LeaseHolder("x", "node-1", 1L << 40, "", "elsewhere").hasEnded()).isFalse();
    assertThat(new LeaseHolder("x", "node-1", 1L << 40, "", "").hasEnded()).isFalse();
  }
}
