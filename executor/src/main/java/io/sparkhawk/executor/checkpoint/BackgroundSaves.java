package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Saves checkpoints beside training, at most one at a time: each rank writes its part, and rank 0
 * the manifest, on a thread of its own.
 *
 * <p>That thread never uses the collective. Which ranks have written their parts, and whether rank
 * 0 has published the manifest, is exchanged by the training threads, in calls that all ranks make
 * at the same points: {@link #start}, {@link #poll} after each step, {@link #await}. Every decision
 * is made from what was exchanged, so that all ranks make the same one in the same call.
 */
public final class BackgroundSaves implements AutoCloseable {

  private static final Logger LOG = System.getLogger(BackgroundSaves.class.getName());

  /** How long a save may take in all before a rank that waits for it gives it up. */
  private static final Duration LIMIT = Duration.ofMinutes(30);

  /** How long a rank waits for its own thread before it hears of the others again. */
  private static final Duration ROUND = Duration.ofMillis(200);

  /** For a write that was interrupted to end. */
  private static final Duration CLOSING = Duration.ofSeconds(10);

  private final CheckpointStore store;
  private final int keep;
  private final Collective collective;
  private final Duration limit;
  private final Runnable release;
  private final ExecutorService thread;

  /** The save that has not ended, if there is one; the same on all ranks. */
  private Optional<Running> running = Optional.empty();

  /**
   * One save.
   *
   * @param manifest what is to be published, once all parts are there
   * @param work what this rank's thread does for it
   */
  private record Running(
      CheckpointSave save, long started, Optional<CheckpointManifest> manifest, Future<?> work) {}

  private BackgroundSaves(
      CheckpointStore store, int keep, Collective collective, Duration limit, Runnable release) {
    this.store = store;
    this.keep = keep;
    this.collective = collective;
    this.limit = limit;
    this.release = release;
    this.thread =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread thread = new Thread(task, "checkpoints of rank " + collective.rank());
              thread.setDaemon(true);
              return thread;
            });
  }

  /**
   * Saves of one stage; all ranks make theirs.
   *
   * @param keep see {@link CheckpointStore#prune}, which follows each publication
   * @param release frees the memory that contents are in; called once, after {@link #close}, by the
   *     thread that reads it, so that it is never freed under a write that hangs
   */
  public static BackgroundSaves open(
      CheckpointStore store, int keep, Collective collective, Runnable release) {
    return open(store, keep, collective, LIMIT, release);
  }

  static BackgroundSaves open(
      CheckpointStore store, int keep, Collective collective, Duration limit, Runnable release) {
    return new BackgroundSaves(store, keep, collective, limit, release);
  }

  /** Whether a save has not ended yet, so that no other may be started. */
  public boolean isRunning() {
    return running.isPresent();
  }

  /**
   * Starts a save and returns at once; called by all ranks at the same point.
   *
   * @param content this rank's part; its memory must not change until the save has ended
   */
  public void start(CheckpointContent content) {
    if (isRunning()) {
      throw new IllegalStateException(
          "checkpoint " + running.get().save.location() + " is still being saved");
    }
    CheckpointSave save = store.startSave(content, collective);
    running =
        Optional.of(
            new Running(save, System.nanoTime(), Optional.empty(), thread.submit(save::writePart)));
  }

  /**
   * Looks how far the running save is, without waiting for it; called by all ranks at the same
   * point, whether there is one or not.
   *
   * @return the checkpoint if it is published by now, in the same call on all ranks
   * @throws io.sparkhawk.data.error.SparkhawkException if it could not be saved: on all ranks in
   *     the same call, as the failure was on the rank that it came from
   */
  public Optional<CheckpointManifest> poll() {
    if (running.isEmpty()) {
      return Optional.empty();
    }
    Running now = running.get();
    if (now.work.isDone()) {
      requireForeseen(now);
    }
    if (now.manifest.isEmpty()) {
      running =
          now.save.agree(collective).map(manifest -> publishing(now, manifest)).or(() -> running);
      return Optional.empty();
    }
    if (!now.save.isPublished(collective)) {
      return Optional.empty();
    }
    running = Optional.empty();
    return now.manifest;
  }

  /**
   * Waits until the running save has ended; called by all ranks at the same point.
   *
   * @return the checkpoint, the same on all ranks; empty if there was no save
   * @throws io.sparkhawk.data.error.SparkhawkException as {@link #poll}; an {@link
   *     InfrastructureException} if the save takes too long
   */
  public Optional<CheckpointManifest> await() {
    while (isRunning()) {
      settle(running.get().work);
      Optional<CheckpointManifest> published = poll();
      if (published.isPresent()) {
        return published;
      }
      requireTime(running.get());
    }
    return Optional.empty();
  }

  private Running publishing(Running now, CheckpointManifest manifest) {
    Future<?> work =
        collective.rank() == 0 ? thread.submit(() -> publish(now.save, manifest)) : now.work;
    return new Running(now.save, now.started, Optional.of(manifest), work);
  }

  private void publish(CheckpointSave save, CheckpointManifest manifest) {
    save.writeManifest(manifest, () -> store.prune(manifest.position().stage(), keep));
  }

  /** Failures of the storage are exchanged; what nobody foresaw is thrown here. */
  private static void requireForeseen(Running done) {
    try {
      done.work.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(
          "checkpoint " + done.save.location() + " is not saved", e.getCause());
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static void settle(Future<?> work) {
    try {
      work.get(ROUND.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      // The first is what the others hear next; the second is thrown by poll.
      LOG.log(Level.TRACE, "A save goes on or has failed", e);
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static InfrastructureException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new InfrastructureException("Interrupted while waiting for a checkpoint.", e);
  }

  private void requireTime(Running now) {
    long seconds = Duration.ofNanos(System.nanoTime() - now.started).toSeconds();
    if (seconds >= limit.toSeconds()) {
      throw new InfrastructureException(
          ("Rank %d gives checkpoint %s up: %d s after it was begun %s. Check how fast the storage"
                  + " is.")
              .formatted(collective.rank(), now.save.location(), seconds, now.save.missing()));
    }
  }

  /**
   * Gives a running save up, which leaves parts that are swept later, but no manifest that is not
   * whole. Does not throw.
   */
  @Override
  public void close() {
    running.ifPresent(now -> now.work.cancel(true));
    thread.execute(release);
    thread.shutdown();
    try {
      if (!thread.awaitTermination(CLOSING.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.log(
            Level.WARNING,
            "The thread of rank {0}''s checkpoints still waits for the storage",
            collective.rank());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
