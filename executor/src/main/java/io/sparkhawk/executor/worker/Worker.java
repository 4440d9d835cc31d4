package io.sparkhawk.executor.worker;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.logging.LogPlace;
import java.io.Serializable;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One rank of a generation from its first word to its last: listen, join, connect, work, report.
 *
 * <p>Whatever fails is told to the coordinator before the sockets close: peers that then lose their
 * connection can only report after the one whose fault it was.
 *
 * @param <P> the plan
 * @param <R> the result
 */
final class Worker<P extends Serializable, R extends Serializable> {

  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

  private static final long JOIN_AGAIN_MILLIS = 50;

  private final Assignment assignment;
  private final CoordinatorLine coordinator;
  private final CollectiveOpener opener;
  private final WorkerTimeouts timeouts;

  /** What the worker is told when it starts. */
  record Assignment(
      GenerationId generation, int rank, int worldSize, String executorId, String host) {}

  Worker(
      Assignment assignment,
      CoordinatorLine coordinator,
      CollectiveOpener opener,
      WorkerTimeouts timeouts) {
    this.assignment = assignment;
    this.coordinator = coordinator;
    this.opener = opener;
    this.timeouts = timeouts;
  }

  R run(P plan, WorkerBody<P, R> body) throws Exception {
    LogPlace.enterWork(assignment.generation().work(), assignment.rank());
    try {
      return join(plan, body);
    } finally {
      LogPlace.leaveWork();
    }
  }

  private R join(P plan, WorkerBody<P, R> body) throws Exception {
    try (CollectiveOpener.Listening listening = reporting(() -> opener.listen(assignment.host()))) {
      Place place = reporting(() -> join(listening.address()));
      try (Collective collective = reporting(() -> listening.connect(place, timeouts.peer()));
          Heartbeats heartbeats =
              Heartbeats.start(coordinator, place, timeouts, collective::abort)) {
        LOG.info(
            "Rank {} of {} begins {}",
            assignment.rank(),
            assignment.worldSize(),
            assignment.generation().work());
        return reporting(
            () -> {
              R result = body.run(plan, collective, heartbeats);
              heartbeats.finish();
              coordinator.ask(
                  new CoordinatorMessage.Finished(assignment.generation(), assignment.rank()));
              return result;
            });
      }
    }
  }

  private Place join(String address) throws InterruptedException {
    CoordinatorMessage join =
        new CoordinatorMessage.Join(
            assignment.generation(),
            assignment.rank(),
            assignment.worldSize(),
            assignment.executorId(),
            address);
    long deadline = System.nanoTime() + timeouts.gathering().toNanos();
    while (true) {
      CoordinatorReply reply = coordinator.ask(join);
      if (reply instanceof CoordinatorReply.Placed placed) {
        return placed.place();
      }
      if (reply instanceof CoordinatorReply.Stop order) {
        throw new InfrastructureException(order.reason());
      }
      if (System.nanoTime() - deadline > 0) {
        throw new InfrastructureException(
            "Rank "
                + assignment.rank()
                + " waited "
                + timeouts.gathering().toSeconds()
                + " s for the other workers of "
                + assignment.generation().work()
                + ": "
                + reply);
      }
      TimeUnit.MILLISECONDS.sleep(JOIN_AGAIN_MILLIS);
    }
  }

  private <T> T reporting(Callable<T> part) throws Exception {
    try {
      return part.call();
    } catch (Throwable failure) {
      report(failure);
      throw failure;
    }
  }

  private void report(Throwable failure) {
    LOG.error("{}", failure.getMessage(), failure);
    try {
      coordinator.ask(
          new CoordinatorMessage.Failed(
              assignment.generation(), assignment.rank(), WorkerFailure.of(failure)));
    } catch (RuntimeException unreachable) {
      // Spark still tells the driver that the task failed.
      failure.addSuppressed(unreachable);
    }
  }
}
