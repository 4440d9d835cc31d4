package io.sparkhawk.executor.worker;

import io.sparkhawk.data.error.InfrastructureException;
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
 * <p>Whoever tells of an event only puts it into a queue and does not wait for the driver, except
 * where a checkpoint is to be published.
 */
final class Heartbeats implements TrainingListener, AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Heartbeats.class);

  private static final int LARGEST_BATCH = 1000;

  /** Between heartbeats while a checkpoint waits for the driver's word. */
  private static final long ASK_AGAIN_MILLIS = 20;

  private final CoordinatorLine coordinator;
  private final Place place;
  private final WorkerTimeouts timeouts;
  private final Consumer<String> stop;

  /** An empty element ends the thread. */
  private final BlockingQueue<Optional<WorkerEvent>> queue = new LinkedBlockingQueue<>();

  private final Thread thread;

  /** Guards what follows. */
  private final Object answer = new Object();

  /** The last step whose checkpoint the driver lets this worker publish. */
  private long publishable = -1;

  /** Whether somebody waits for the driver's word. */
  private boolean awaited;

  /** Whether no heartbeat will follow. */
  private boolean over;

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

  /** Waits as long as the driver answers heartbeats, and does not order this worker to stop. */
  @Override
  public void checkpointReady(String stage, long step) {
    synchronized (answer) {
      awaited = true;
      queue.add(Optional.of(new WorkerEvent.CheckpointReady(stage, step)));
      try {
        while (publishable < step) {
          if (over) {
            throw new InfrastructureException(
                "The driver has ended the work before checkpoint %s-%d was published."
                    .formatted(stage, step));
          }
          answer.wait(timeouts.heartbeat().toMillis());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InfrastructureException(
            "Interrupted before checkpoint %s-%d was published.".formatted(stage, step), e);
      } finally {
        awaited = false;
      }
    }
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
    try {
      exchange();
    } finally {
      synchronized (answer) {
        over = true;
        answer.notifyAll();
      }
    }
  }

  private void exchange() {
    long answered = System.nanoTime();
    long firstEvent = 0;
    List<WorkerEvent> unanswered = new ArrayList<>();
    boolean last = false;
    while (!last || !unanswered.isEmpty()) {
      last |= collect(unanswered);
      try {
        CoordinatorReply reply = send(firstEvent, unanswered);
        if (reply instanceof CoordinatorReply.Stop order) {
          stop.accept(order.reason());
          return;
        }
        if (reply instanceof CoordinatorReply.Continue go) {
          permit(go.publishable());
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

  private void permit(long step) {
    synchronized (answer) {
      if (step > publishable) {
        publishable = step;
        answer.notifyAll();
      }
    }
  }

  /** How long to wait for an event until the next heartbeat is due. */
  private long patienceMillis() {
    synchronized (answer) {
      return awaited ? ASK_AGAIN_MILLIS : timeouts.heartbeat().toMillis();
    }
  }

  /** Waits for the next event, at most until the next heartbeat is due; true if it was the end. */
  private boolean collect(List<WorkerEvent> events) {
    try {
      Optional<WorkerEvent> next = queue.poll(patienceMillis(), TimeUnit.MILLISECONDS);
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
