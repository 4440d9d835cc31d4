package io.sparkhawk.driver.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.worker.CoordinatorMessage;
import io.sparkhawk.executor.worker.CoordinatorMessage.Heartbeat;
import io.sparkhawk.executor.worker.CoordinatorMessage.Join;
import io.sparkhawk.executor.worker.CoordinatorReply;
import io.sparkhawk.executor.worker.GenerationId;
import io.sparkhawk.executor.worker.Place;
import io.sparkhawk.executor.worker.WorkerEvent;
import io.sparkhawk.executor.worker.WorkerFailure;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CoordinatorTest {

  private static final GenerationId FIRST = new GenerationId("stage matrix", 1);
  private static final GenerationId SECOND = new GenerationId("stage matrix", 2);

  private final Coordinator coordinator =
      new Coordinator(
          new RingSecrets(Optional.of("application's")),
          new RingSecurity(false, true),
          InstantSource.system());

  @Test
  void aWorkerOfAnEarlierGenerationIsToldToStop() {
    coordinator.open(FIRST, 1, WorkerTimeouts.DEFAULT, 2);
    coordinator.end();
    coordinator.open(SECOND, 1, WorkerTimeouts.DEFAULT, 2);
    assertThat(coordinator.receive(new Heartbeat(FIRST, 0, 0, List.of())))
        .isEqualTo(
            new CoordinatorReply.Stop(
                "Rank 0 of stage matrix, attempt 1 came too late: stage matrix, attempt 2 is"
                    + " running."));
    assertThat(coordinator.failure()).isEmpty();
  }

  @Test
  void nothingThatAStaleWorkerSaysReachesTheGenerationThatRuns() throws InterruptedException {
    coordinator.open(FIRST, 1, WorkerTimeouts.DEFAULT, 2);
    Join join = new Join(FIRST, 0, 1, "0", "localhost:1");
    coordinator.receive(join);
    coordinator.end();
    coordinator.open(SECOND, 1, WorkerTimeouts.DEFAULT, 2);
    WorkerEvent published =
        new WorkerEvent.CheckpointPublished(new PublishedCheckpoint("matrix", 4, "/runs/x", 64));
    List<CoordinatorMessage> late =
        List.of(
            join,
            new Heartbeat(FIRST, 0, 0, List.of(published)),
            new CoordinatorMessage.Finished(FIRST, 0),
            new CoordinatorMessage.Failed(FIRST, 0, WorkerFailure.infrastructure("late")));
    for (CoordinatorMessage message : late) {
      assertThat(coordinator.receive(message)).isInstanceOf(CoordinatorReply.Stop.class);
    }
    assertThat(coordinator.failure()).isEmpty();
    assertThat(coordinator.nextEvent(Duration.ZERO)).isEmpty();
    assertThat(coordinator.receive(new Join(SECOND, 0, 1, "1", "localhost:2")))
        .isInstanceOf(CoordinatorReply.Placed.class);
  }

  @Test
  void aWorkerIsToldToStopWhenNothingRuns() {
    assertThat(coordinator.receive(new Heartbeat(FIRST, 0, 0, List.of())))
        .isInstanceOf(CoordinatorReply.Stop.class);
  }

  @Test
  void onlyOneGenerationIsOpen() {
    coordinator.open(FIRST, 1, WorkerTimeouts.DEFAULT, 2);
    assertThatThrownBy(() -> coordinator.open(SECOND, 1, WorkerTimeouts.DEFAULT, 2))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("attempt 1 is still open");
  }

  @Test
  void everyGenerationHasItsOwnSecretAndALargerNumber() {
    Place first = placeIn(FIRST);
    Place second = placeIn(SECOND);
    assertThat(first.secret()).hasSizeGreaterThanOrEqualTo(32).isNotEqualTo(second.secret());
    assertThat(second.number()).isGreaterThan(first.number());
  }

  private Place placeIn(GenerationId id) {
    coordinator.open(id, 1, WorkerTimeouts.DEFAULT, 2);
    Place place =
        ((CoordinatorReply.Placed) coordinator.receive(new Join(id, 0, 1, "0", "localhost:1")))
            .place();
    coordinator.end();
    return place;
  }
}
