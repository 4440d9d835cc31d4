package io.sparkhawk.executor.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.DelegatingCollective;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.worker.CoordinatorMessage.Failed;
import io.sparkhawk.executor.worker.CoordinatorMessage.Finished;
import io.sparkhawk.executor.worker.CoordinatorMessage.Heartbeat;
import io.sparkhawk.executor.worker.CoordinatorMessage.Join;
import io.sparkhawk.executor.worker.WorkerEvent.CheckpointPublished;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WorkerTest {

  private static final GenerationId ID = new GenerationId("stage matrix", 1);
  private static final WorkerTimeouts TIMEOUTS =
      new WorkerTimeouts(
          Duration.ofSeconds(20),
          Duration.ofSeconds(20),
          Duration.ofMillis(10),
          Duration.ofSeconds(2));

  /** What happened, in the order in which it did. */
  private final List<String> story = Collections.synchronizedList(new ArrayList<>());

  private final FakeCoordinator coordinator = new FakeCoordinator();

  @Test
  void joinsUntilItHasAPlaceThenWorksThenSaysThatItHasFinished() throws Exception {
    coordinator.notYets = 2;
    String result = run((plan, collective, listener) -> plan + " on rank " + collective.rank());
    assertThat(result).isEqualTo("plan on rank 0");
    assertThat(story)
        .containsSubsequence("join at here:1", "join at here:1", "join at here:1", "finished")
        .containsOnlyOnce("finished");
  }

  @Test
  void everyEventHasArrivedBeforeTheWorkerSaysThatItHasFinished() throws Exception {
    run(
        (plan, collective, listener) -> {
          for (int i = 0; i < 2500; i++) {
            listener.checkpointPublished(published(i));
          }
          return "done";
        });
    assertThat(coordinator.events).hasSize(2500);
    assertThat(coordinator.events.get(2499)).isEqualTo(checkpoint(2499));
    assertThat(coordinator.eventsAtFinish).isEqualTo(2500);
  }

  @Test
  void anEventWithoutAnAnswerIsSentAgainUnderTheSameNumber() throws Exception {
    coordinator.lostAnswers = 3;
    run(
        (plan, collective, listener) -> {
          listener.checkpointPublished(published(0));
          listener.checkpointPublished(published(1));
          return "done";
        });
    assertThat(coordinator.events).containsExactly(checkpoint(0), checkpoint(1));
  }

  @Test
  void aFailureIsToldBeforePeersLoseTheConnection() {
    DataException failure = new DataException("Shard 3 is corrupt.");
    assertThatThrownBy(
            () ->
                run(
                    (plan, collective, listener) -> {
                      throw failure;
                    }))
        .isSameAs(failure);
    assertThat(story)
        .containsSubsequence("failed: DATA Shard 3 is corrupt.", "collective closed")
        .doesNotContain("finished");
  }

  @Test
  void anOrderToStopBreaksTheCollectiveThatTheWorkWaitsFor() {
    coordinator.stopReason = "Executor 1 was lost.";
    assertThatThrownBy(
            () ->
                run(
                    (plan, collective, listener) -> {
                      collective.barrier();
                      return "not reached";
                    }))
        .isInstanceOf(InfrastructureException.class)
        .hasMessage("Executor 1 was lost.");
  }

  @Test
  void aDriverThatDoesNotAnswerIsGivenUp() {
    coordinator.lostAnswers = Integer.MAX_VALUE;
    assertThatThrownBy(
            () ->
                run(
                    (plan, collective, listener) -> {
                      collective.barrier();
                      return "not reached";
                    }))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("The driver has not answered rank 0")
        .hasMessageContaining("no route");
  }

  @Test
  void aWorkerThatMustNotJoinSaysWhy() {
    coordinator.refusal = "Rank 0 came too late.";
    assertThatThrownBy(() -> run((plan, collective, listener) -> "not reached"))
        .isInstanceOf(InfrastructureException.class)
        .hasMessage("Rank 0 came too late.");
  }

  private String run(WorkerBody<String, String> body) throws Exception {
    Worker.Assignment assignment = new Worker.Assignment(ID, 0, 2, "0", "here");
    return new Worker<String, String>(assignment, coordinator, new FakeOpener(), TIMEOUTS)
        .run("plan", body);
  }

  private static WorkerEvent checkpoint(int number) {
    return new CheckpointPublished(published(number));
  }

  private static PublishedCheckpoint published(int number) {
    return new PublishedCheckpoint("matrix", number, "c" + number, 64);
  }

  /** A coordinator that behaves as the test asks. */
  private final class FakeCoordinator implements CoordinatorLine {

    private final List<WorkerEvent> events = new ArrayList<>();
    private int notYets;
    private int lostAnswers;
    private int eventsAtFinish;
    private String stopReason = "";
    private String refusal = "";

    @Override
    public synchronized CoordinatorReply ask(CoordinatorMessage message) {
      if (message instanceof Join join) {
        return join(join);
      }
      if (message instanceof Failed failed) {
        story.add("failed: " + failed.failure().kind() + " " + failed.failure().message());
      } else if (message instanceof Finished) {
        story.add("finished");
        eventsAtFinish = events.size();
      } else if (message instanceof Heartbeat heartbeat) {
        receive(heartbeat);
      }
      return stopReason.isEmpty()
          ? new CoordinatorReply.Continue()
          : new CoordinatorReply.Stop(stopReason);
    }

    private CoordinatorReply join(Join join) {
      story.add("join at " + join.address());
      if (!refusal.isEmpty()) {
        return new CoordinatorReply.Stop(refusal);
      }
      return notYets-- > 0
          ? new CoordinatorReply.NotYet(1, 2)
          : new CoordinatorReply.Placed(
              new Place(ID, 1, 0, List.of(join.address(), "there:2"), new byte[32]));
    }

    private void receive(Heartbeat heartbeat) {
      // Messages arrive; what is lost is the answer.
      int known = events.size() - (int) heartbeat.firstEvent();
      events.addAll(heartbeat.events().subList(known, heartbeat.events().size()));
      if (lostAnswers > 0) {
        lostAnswers--;
        throw new IllegalStateException("no route");
      }
    }
  }

  private final class FakeOpener implements CollectiveOpener {

    @Override
    public Listening listen(String host) {
      return new Listening() {
        @Override
        public String address() {
          return host + ":1";
        }

        @Override
        public Collective connect(Place place, Duration timeout) {
          return new WaitingCollective();
        }

        @Override
        public void close() {}
      };
    }
  }

  /** A collective whose peer never comes to the barrier. */
  private final class WaitingCollective extends DelegatingCollective {

    private final CountDownLatch aborted = new CountDownLatch(1);
    private volatile String reason = "nobody aborted";

    WaitingCollective() {
      super(SingleProcess.create());
    }

    @Override
    public void barrier() {
      try {
        boolean unused = aborted.await(TIMEOUTS.peer().toSeconds(), TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      throw new InfrastructureException(reason);
    }

    @Override
    public void abort(String because) {
      reason = because;
      aborted.countDown();
    }

    @Override
    public void close() {
      story.add("collective closed");
    }
  }
}
