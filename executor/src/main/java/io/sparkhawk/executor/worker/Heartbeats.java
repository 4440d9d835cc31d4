package io.sparkhawk.executor.worker;

import io.sparkhawk.executor.logging.LogPlace;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.train.TrainingListener;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the coordinator from a thread of its own that this worker is alive and what it did, and
 * hears whether to stop.
 *
 * <p>The training thread only puts events into a queue; it never waits for the driver.
 */
final class Heartbeats implements TrainingListener, AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Heartbeats.class);

  private static final int LARGEST_BATCH = 1000;

  private final CoordinatorLine coordinator;
  private final Place place;
  private final WorkerTimeouts timeouts;
  private final Consumer<String> stop;

  /** An empty element ends the thread. */
  private final BlockingQueue<Optional<WorkerEvent>> queue = new LinkedBlockingQueue<>();

  private final Thread thread;

  private Heartbeats(
      CoordinatorLine coordinator, Place place, WorkerTimeouts timeouts, Consumer<String> stop) {
    this.coordinator = coordinator;
    this.place = place;
    this.timeouts = timeouts;
    this.stop = stop;
    this.thread = new Thread(this::beat, "heartbeats of rank " + place.rank());
    thread.setDaemon(true);
  }

  /**
   * Starts the heartbeats.
   *
   * @param stop called at most once, on the heartbeats' thread, with the reason why this worker
   *     must stop; no heartbeat follows
   */
  static Heartbeats start(
      CoordinatorLine coordinator, Place place, WorkerTimeouts timeouts, Consumer<String> stop) {
    Heartbeats heartbeats = new Heartbeats(coordinator, place, timeouts, stop);
    heartbeats.thread.start();
    return heartbeats;
  }

  @Override
  public void memoryPlanned(long needed, long available) {
    queue.add(Optional.of(new WorkerEvent.MemoryPlanned(needed, available)));
  }

  @Override
  public void trainingStarted(String stage, long done) {
    LogPlace.reachStep(done);
    LOG.info("Training goes on from step {}", done);
    queue.add(Optional.of(new WorkerEvent.TrainingStarted(stage, done)));
  }

  @Override
  public void step(StepMetrics metrics) {
    LogPlace.reachStep(metrics.step());
    queue.add(Optional.of(new WorkerEvent.StepDone(metrics)));
  }

  @Override
  public void checkpointPublished(PublishedCheckpoint checkpoint) {
    LOG.info("Checkpoint of step {}: {}", checkpoint.step(), checkpoint.location());
    queue.add(Optional.of(new WorkerEvent.CheckpointPublished(checkpoint)));
  }

  /** Sends what is still in the queue and ends the thread; a second call does nothing. */
  void finish() {
    queue.add(Optional.empty());
    try {
      thread.join(timeouts.silence().toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    finish();
  }

  private void beat() {
    long answered = System.nanoTime();
    long firstEvent = 0;
    List<WorkerEvent> unanswered = new ArrayList<>();
    boolean last = false;
    while (!last || !unanswered.isEmpty()) {
      last |= collect(unanswered);
      try {
        if (send(firstEvent, unanswered) instanceof CoordinatorReply.Stop order) {
          stop.accept(order.reason());
          return;
        }
        answered = System.nanoTime();
        firstEvent += unanswered.size();
        unanswered.clear();
      } catch (RuntimeException e) {
        if (System.nanoTime() - answered > timeouts.silence().toNanos()) {
          stop.accept(
              "The driver has not answered rank "
                  + place.rank()
                  + " for "
                  + timeouts.silence().toSeconds()
                  + " s ("
                  + e.getMessage()
                  + ").");
          return;
        }
      }
    }
  }

  /** Waits for the next event, at most until the next heartbeat is due; true if it was the end. */
  private boolean collect(List<WorkerEvent> events) {
    try {
      Optional<WorkerEvent> next =
          queue.poll(timeouts.heartbeat().toMillis(), TimeUnit.MILLISECONDS);
      while (next != null) {
        if (next.isEmpty()) {
          return true;
        }
        events.add(next.get());
        next = events.size() < LARGEST_BATCH ? queue.poll() : null;
      }
      return false;
    } catch (InterruptedException e) {
      return true;
    }
  }

  private CoordinatorReply send(long firstEvent, List<WorkerEvent> events) {
    return coordinator.ask(
        new CoordinatorMessage.Heartbeat(place.generation(), place.rank(), firstEvent, events));
  }
}
