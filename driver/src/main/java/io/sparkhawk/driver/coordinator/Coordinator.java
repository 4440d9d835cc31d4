package io.sparkhawk.driver.coordinator;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.worker.CoordinatorMessage;
import io.sparkhawk.executor.worker.CoordinatorReply;
import io.sparkhawk.executor.worker.GenerationId;
import io.sparkhawk.executor.worker.WorkerEvent;
import io.sparkhawk.executor.worker.WorkerFailure;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's view of the workers: at most one generation is open, and messages of all others are
 * answered with an order to stop.
 *
 * <p>Messages arrive on the one thread of the plugin's RPC endpoint and are answered without
 * blocking; their events wait in a queue for the thread that supervises the generation, which is
 * the only one to call {@link #open}, {@link #nextEvent}, {@link #checkTime} and {@link #end}.
 */
public final class Coordinator {

  private static final Logger LOG = LoggerFactory.getLogger(RingSecurity.class);

  private final Supplier<byte[]> secrets;
  private final RingSecurity security;
  private final InstantSource clock;
  private final BlockingQueue<WorkerEvent> events = new LinkedBlockingQueue<>();
  private final Queue<PaceChange> paces = new ConcurrentLinkedQueue<>();
  private final Queue<RankHeartbeat> heartbeats = new ConcurrentLinkedQueue<>();
  private final Map<String, String> lostExecutors = new ConcurrentHashMap<>();
  private long generations;
  private volatile Generation current;

  /** Only the thread of the messages uses it. */
  private String lastWarning = "";

  /**
   * @param secrets makes the secret of each generation
   * @param security whether workers may start where they are
   * @param clock tells how long workers have been silent
   */
  public Coordinator(Supplier<byte[]> secrets, RingSecurity security, InstantSource clock) {
    this.secrets = secrets;
    this.security = security;
    this.clock = clock;
  }

  /**
   * Opens a generation of {@code worldSize} workers.
   *
   * @param stragglerFactor by how much a rank that is called a straggler is slower than the median
   */
  public void open(
      GenerationId id, int worldSize, WorkerTimeouts timeouts, double stragglerFactor) {
    if (current != null) {
      throw new IllegalStateException(current.id() + " is still open; " + id + " has to wait");
    }
    events.clear();
    paces.clear();
    heartbeats.clear();
    generations++;
    current =
        new Generation(
            id,
            generations,
            worldSize,
            secrets.get(),
            timeouts,
            clock,
            stragglerFactor,
            events::add,
            paces::add,
            heartbeats::add);
  }

  /** Ends the open generation: its workers are stale from now on. */
  public void end() {
    current = null;
  }

  /**
   * Waits for the next event of the open generation; empty when {@code wait} passed without one.
   */
  public Optional<WorkerEvent> nextEvent(Duration wait) throws InterruptedException {
    return Optional.ofNullable(events.poll(wait.toMillis(), TimeUnit.MILLISECONDS));
  }

  /** The next rank that has become a straggler, or has stopped being one; does not wait. */
  public Optional<PaceChange> nextPaceChange() {
    return Optional.ofNullable(paces.poll());
  }

  /** The next rank that was heard, in the order in which they were; does not wait. */
  public Optional<RankHeartbeat> nextHeartbeat() {
    return Optional.ofNullable(heartbeats.poll());
  }

  /** The step, from 1, that the open generation's ranks are in; empty before they train. */
  public OptionalLong step() {
    return open().step();
  }

  /** Lets time pass for the open generation: workers that are late or silent make it fail. */
  public void checkTime() {
    open().checkTime();
  }

  /** Makes the open generation fail. */
  public void abort(WorkerFailure failure) {
    open().abort(failure);
  }

  /** Why the open generation failed, as far as is known now. */
  public Optional<WorkerFailure> failure() {
    return open().failure();
  }

  /** Whether {@link #failure} is the cause, and not perhaps another failure's echo. */
  public boolean causeIsKnown() {
    return open().causeIsKnown();
  }

  /** The executors that Spark lost, with the reasons. */
  public Map<String, String> lostExecutors() {
    return Map.copyOf(lostExecutors);
  }

  CoordinatorReply receive(CoordinatorMessage message) {
    Generation generation = current;
    if (generation == null || !generation.id().equals(message.generation())) {
      return new CoordinatorReply.Stop(
          "Rank %d of %s came too late: %s."
              .formatted(
                  message.rank(),
                  message.generation(),
                  generation == null ? "it is over" : generation.id() + " is running"));
    }
    CoordinatorReply reply = generation.handle(message);
    if (!(reply instanceof CoordinatorReply.Placed placed)) {
      return reply;
    }
    // Nobody has the secret yet, so nothing was sent.
    Optional<String> objection = security.objection(placed.place().peers());
    if (objection.isEmpty()) {
      warnOnce(placed.place().peers());
      return reply;
    }
    generation.abort(WorkerFailure.of(new ConfigurationException(objection.get())));
    return new CoordinatorReply.Stop(objection.get());
  }

  private void warnOnce(List<String> peers) {
    security
        .warning(peers)
        .filter(warning -> !warning.equals(lastWarning))
        .ifPresent(
            warning -> {
              LOG.warn("{}", warning);
              lastWarning = warning;
            });
  }

  void executorLost(String executorId, String reason) {
    lostExecutors.put(executorId, reason);
    Generation generation = current;
    if (generation != null) {
      generation.executorLost(executorId, reason);
    }
  }

  private Generation open() {
    Generation generation = current;
    if (generation == null) {
      throw new IllegalStateException("no generation is open");
    }
    return generation;
  }
}
