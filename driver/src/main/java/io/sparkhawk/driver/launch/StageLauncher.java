package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.driver.config.SupervisionSettings;
import io.sparkhawk.driver.coordinator.Coordinator;
import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.executor.logging.LogPlace;
import io.sparkhawk.executor.train.TrainingListener;
import io.sparkhawk.executor.worker.CollectiveOpener;
import io.sparkhawk.executor.worker.GenerationId;
import io.sparkhawk.executor.worker.WorkerBody;
import io.sparkhawk.executor.worker.WorkerEvent;
import io.sparkhawk.executor.worker.WorkerFailure;
import io.sparkhawk.executor.worker.WorkerTask;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.io.Serializable;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Runs one piece of work on workers of a session and watches it: one generation, one barrier job,
 * one task per executor.
 *
 * <p>The thread that calls {@link #run} is the only one that the listener hears from. A failure
 * ends the work on all ranks within seconds and is thrown once, as its first cause.
 */
public final class StageLauncher {

  private static final Duration LOOK = Duration.ofMillis(100);

  /**
   * For the workers to end by themselves, once they are told to, before Spark kills their tasks.
   */
  private static final Duration GRACE = Duration.ofSeconds(5);

  /** For the cause of a failure, whose echo came first, to become known. */
  private static final Duration CAUSE_WAIT = Duration.ofSeconds(3);

  private final ClusterSession session;
  private final CollectiveOpener opener;
  private final WorkerTimeouts timeouts;
  private final double stragglerFactor;
  private final Map<String, Integer> attempts = new HashMap<>();

  public StageLauncher(ClusterSession session, CollectiveOpener opener, WorkerTimeouts timeouts) {
    this(session, opener, timeouts, SupervisionSettings.DEFAULT.stragglerFactor());
  }

  StageLauncher(
      ClusterSession session,
      CollectiveOpener opener,
      WorkerTimeouts timeouts,
      double stragglerFactor) {
    this.session = session;
    this.opener = opener;
    this.timeouts = timeouts;
    this.stragglerFactor = stragglerFactor;
  }

  /**
   * Runs {@code body} on every worker and returns rank 0's result.
   *
   * @param work what is done, in the words of messages: {@code stage matrix}
   * @throws io.sparkhawk.data.error.SparkhawkException the first failure of any worker, as it was
   *     thrown there; or an {@link InfrastructureException} that names the executor that was lost
   */
  public <P extends Serializable, R extends Serializable> R run(
      String work, P plan, WorkerBody<P, R> body, TrainingListener listener) {
    return run(work, session.settings().workers(), plan, body, listener);
  }

  /**
   * As {@link #run(String, Serializable, WorkerBody, TrainingListener)}, on {@code workers} of the
   * session's executors.
   */
  <P extends Serializable, R extends Serializable> R run(
      String work, int workers, P plan, WorkerBody<P, R> body, TrainingListener listener) {
    try {
      return attempt(work, workers, plan, body, GenerationListener.of(listener));
    } catch (GenerationFailure failure) {
      RuntimeException exception = failure.failure().toException();
      exception.addSuppressed(failure);
      throw exception;
    }
  }

  /**
   * As {@link #run}, on {@code workers} of the session's executors.
   *
   * @throws GenerationFailure the first failure of any worker
   */
  <P extends Serializable, R extends Serializable> R attempt(
      String work, int workers, P plan, WorkerBody<P, R> body, GenerationListener listener) {
    GenerationId id = new GenerationId(work, attempts.merge(work, 1, Integer::sum));
    WorkerTask<P, R> task = new WorkerTask<>(id, plan, body, opener, timeouts);
    Coordinator coordinator = session.coordinator();
    coordinator.open(id, workers, timeouts, stragglerFactor);
    FutureTask<R> job = new FutureTask<>(() -> runJob(id, workers, task));
    Thread thread = new Thread(job, "barrier job of " + id);
    thread.setDaemon(true);
    thread.start();
    LogPlace.enterWork(work, -1);
    try {
      supervise(coordinator, job, listener, id);
      return job.get();
    } catch (ExecutionException e) {
      throw explain(coordinator, id, e.getCause());
    } catch (RuntimeException e) {
      endEverywhere(coordinator, job, work, e);
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("Interrupted in " + work + ".", e);
    } finally {
      if (!job.isDone()) {
        session.spark().cancelJobGroup(id.toString());
      }
      coordinator.end();
      LogPlace.leaveWork();
    }
  }

  private <R extends Serializable> R runJob(GenerationId id, int workers, WorkerTask<?, R> task) {
    JavaSparkContext spark = session.spark();
    spark.setJobGroup(id.toString(), id.toString(), true);
    RDD<Integer> ranks =
        spark.parallelize(IntStream.range(0, workers).boxed().toList(), workers).rdd();
    // The array of a generic type is one of its bound.
    @SuppressWarnings("unchecked")
    ClassTag<R> resultType =
        (ClassTag<R>) ClassTag$.MODULE$.<Serializable>apply(Serializable.class);
    Object[] results = (Object[]) ranks.barrier().mapPartitions(task, false, resultType).collect();
    @SuppressWarnings("unchecked")
    R first = (R) results[0];
    return first;
  }

  /** Passes on events until the job is over. */
  private void supervise(
      Coordinator coordinator, FutureTask<?> job, GenerationListener listener, GenerationId id)
      throws InterruptedException {
    long failedAt = 0;
    boolean over = false;
    while (!over) {
      over = job.isDone();
      Optional<WorkerEvent> event = coordinator.nextEvent(over ? Duration.ZERO : LOOK);
      while (event.isPresent()) {
        tell(coordinator, listener, event.get());
        event = coordinator.nextEvent(Duration.ZERO);
      }
      tellOfRanks(coordinator, listener);
      coordinator.checkTime();
      if (coordinator.failure().isPresent()) {
        failedAt = failedAt == 0 ? System.nanoTime() : failedAt;
        if (System.nanoTime() - failedAt > GRACE.toNanos()) {
          session.spark().cancelJobGroup(id.toString());
        }
      }
    }
  }

  private static void tellOfRanks(Coordinator coordinator, GenerationListener listener) {
    coordinator.nextPaceChange().ifPresent(listener::paceChanged);
    Optional<RankHeartbeat> heartbeat = coordinator.nextHeartbeat();
    while (heartbeat.isPresent()) {
      listener.rankHeard(heartbeat.get());
      heartbeat = coordinator.nextHeartbeat();
    }
  }

  private static void tell(Coordinator coordinator, TrainingListener listener, WorkerEvent event) {
    if (event instanceof WorkerEvent.StepDone done) {
      listener.step(done.metrics());
    } else if (event instanceof WorkerEvent.TrainingStarted started) {
      listener.trainingStarted(started.stage(), started.done());
    } else if (event instanceof WorkerEvent.MemoryPlanned planned) {
      listener.memoryPlanned(planned.needed(), planned.available());
    } else if (event instanceof WorkerEvent.CheckpointReady ready) {
      listener.checkpointReady(ready.stage(), ready.step());
      coordinator.permitCheckpoint(ready.step());
    } else if (event instanceof WorkerEvent.CheckpointPublished published) {
      listener.checkpointPublished(published.checkpoint());
    }
  }

  /** Tells the workers that the driver wants no more of them, and waits for their end. */
  private static void endEverywhere(
      Coordinator coordinator, FutureTask<?> job, String work, RuntimeException reason) {
    coordinator.abort(
        WorkerFailure.infrastructure("The driver ended " + work + ": " + reason.getMessage()));
    try {
      job.get(GRACE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      return; // As was to be expected; what still runs then is cancelled.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private GenerationFailure explain(
      Coordinator coordinator, GenerationId id, Throwable jobFailure) {
    awaitCause(coordinator);
    WorkerFailure failure =
        coordinator
            .failure()
            .orElseGet(
                () ->
                    WorkerFailure.infrastructure(
                        "The Spark job of " + id.work() + " failed: " + firstLine(jobFailure)));
    switch (failure.kind()) {
      case INFRASTRUCTURE, LOST, UNEXPECTED -> session.keepLogs();
      default -> {}
    }
    return new GenerationFailure(failure, coordinator.step(), jobFailure);
  }

  private static void awaitCause(Coordinator coordinator) {
    long deadline = System.nanoTime() + CAUSE_WAIT.toNanos();
    try {
      while (!coordinator.causeIsKnown() && System.nanoTime() - deadline < 0) {
        coordinator.nextEvent(LOOK);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String firstLine(Throwable failure) {
    return String.valueOf(failure.getMessage()).lines().findFirst().orElse("");
  }
}
