package io.sparkhawk.driver.run;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.launch.RunHold;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.apache.hadoop.fs.Path;

/**
 * Holds a run's folder for one process at a time, on any storage that can create a file
 * conditionally.
 *
 * <p>The holder renews its lease; one that was not renewed for {@link #TERM}, or whose process is
 * known to have ended, may be taken over. A holder that finds that this has happened publishes
 * nothing more. The clocks of machines that start the same run must agree to within the term.
 */
final class RunLease implements RunHold {

  /** How long a lease counts that is not renewed. */
  static final Duration TERM = Duration.ofMinutes(1);

  private static final int ATTEMPTS = 10;

  private final LeaseLog log;
  private final Path runFolder;
  private final LeaseHolder supervisor;
  private final InstantSource clock;
  private final Instant since;
  private volatile LeaseLog.Entry newest;
  private volatile boolean held = true;

  private RunLease(
      LeaseLog log,
      Path runFolder,
      LeaseHolder supervisor,
      InstantSource clock,
      Instant since,
      LeaseLog.Entry newest) {
    this.log = log;
    this.runFolder = runFolder;
    this.supervisor = supervisor;
    this.clock = clock;
    this.since = since;
    this.newest = newest;
  }

  /**
   * Takes the run.
   *
   * @throws InfrastructureException if another process holds it: when that process has ended, the
   *     same command succeeds
   */
  static RunLease acquire(
      Storage storage, Path runFolder, LeaseHolder supervisor, InstantSource clock) {
    LeaseLog log = new LeaseLog(storage, runFolder);
    Instant now = clock.instant();
    Optional<LeaseLog.Entry> newest = log.newest();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (newest.isPresent() && !newest.get().record().isFree(now)) {
        throw refused(runFolder, newest.get().record());
      }
      long next = newest.map(LeaseLog.Entry::number).orElse(0L) + 1;
      log.offer(next, LeaseRecord.of(supervisor, now, now, TERM, false));
      newest = log.newest();
      if (newest.isPresent() && newest.get().record().supervisor().equals(supervisor)) {
        return new RunLease(log, runFolder, supervisor, clock, now, newest.get());
      }
    }
    throw new InfrastructureException(
        "Too many processes try to take the run in " + runFolder + " at once. Start only one.");
  }

  private static InfrastructureException refused(Path runFolder, LeaseRecord other) {
    return new InfrastructureException(
        "The run in %s is held by %s since %s. Wait until it has ended, or stop it, and run the same command again; if its machine is gone, that works from %s."
            .formatted(runFolder, other.supervisor(), other.since(), other.expiry()));
  }

  /**
   * Says that the holder is alive.
   *
   * @throws InfrastructureException if the lease is lost; or if the storage fails, after which the
   *     lease is held until another process takes it
   */
  synchronized void renew() {
    requireNotLost();
    write(false);
    requireNotLost();
    log.sweep(newest);
  }

  /** Writes the next entry and looks whose it is then. */
  private void write(boolean released) {
    log.offer(
        newest.number() + 1, LeaseRecord.of(supervisor, since, clock.instant(), TERM, released));
    newest = log.newest().orElse(newest);
    held = !newest.record().released() && newest.record().supervisor().equals(supervisor);
  }

  /** As {@link RunHold#requireHeld}; a lease past its term is renewed first. */
  @Override
  public synchronized void requireHeld() {
    requireNotLost();
    if (!clock.instant().isBefore(newest.record().expiry())) {
      renew();
    }
  }

  @Override
  public void requireNotLost() {
    if (!held) {
      throw newest.record().supervisor().equals(supervisor)
          ? new InfrastructureException(
              "The run in %s was given back by this process, which is ending.".formatted(runFolder))
          : new InfrastructureException(
              "The run in %s was taken over by %s at %s, as this process, %s, had not renewed its lease for %d s. It publishes nothing more; the run goes on there."
                  .formatted(
                      runFolder,
                      newest.record().supervisor(),
                      newest.record().since(),
                      supervisor,
                      TERM.toSeconds()));
    }
  }

  /** Gives the run back if it is still held; a storage that fails leaves it to the term. */
  @Override
  public synchronized void close() {
    if (!held) {
      return;
    }
    try {
      write(true);
    } catch (SparkhawkException e) {
      // What the run has come to matters more than that the next one has to wait.
      held = false;
    }
  }
}
