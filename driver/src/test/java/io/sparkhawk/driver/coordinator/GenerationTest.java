package io.sparkhawk.driver.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.worker.CoordinatorMessage;
import io.sparkhawk.executor.worker.CoordinatorMessage.Failed;
import io.sparkhawk.executor.worker.CoordinatorMessage.Finished;
import io.sparkhawk.executor.worker.CoordinatorMessage.Heartbeat;
import io.sparkhawk.executor.worker.CoordinatorMessage.Join;
import io.sparkhawk.executor.worker.CoordinatorReply;
import io.sparkhawk.executor.worker.GenerationId;
import io.sparkhawk.executor.worker.Place;
import io.sparkhawk.executor.worker.WorkerEvent;
import io.sparkhawk.executor.worker.WorkerFailure;
import io.sparkhawk.executor.worker.WorkerFailure.Kind;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GenerationTest {

  private static final GenerationId ID = new GenerationId("stage matrix", 1);
  private static final byte[] SECRET = {1, 2, 3};
  private static final WorkerTimeouts TIMEOUTS =
      new WorkerTimeouts(
          Duration.ofSeconds(60),
          Duration.ofSeconds(60),
          Duration.ofSeconds(1),
          Duration.ofSeconds(30));

  private Instant now = Instant.EPOCH;
  private final List<WorkerEvent> events = new ArrayList<>();
  private final List<PaceChange> paces = new ArrayList<>();
  private final List<RankHeartbeat> heard = new ArrayList<>();
  private final Generation generation =
      new Generation(ID, 7, 2, SECRET, TIMEOUTS, () -> now, 2, events::add, paces::add, heard::add);

  @Test
  void nobodyHasAPlaceBeforeAllHaveJoined() {
    assertThat(generation.handle(join(1))).isEqualTo(new CoordinatorReply.NotYet(1, 2));
    assertThat(generation.handle(join(0))).isInstanceOf(CoordinatorReply.Placed.class);
    assertThat(generation.handle(join(1))).isInstanceOf(CoordinatorReply.Placed.class);
  }

  @Test
  void placesListThePeersByRankWhateverTheOrderOfJoining() {
    generation.handle(join(1));
    Place place = ((CoordinatorReply.Placed) generation.handle(join(0))).place();
    assertThat(place.rank()).isZero();
    assertThat(place.number()).isEqualTo(7);
    assertThat(place.worldSize()).isEqualTo(2);
    assertThat(place.peers()).containsExactly("127.0.0.1:1000", "127.0.0.1:1001");
    assertThat(place.secret()).isEqualTo(SECRET);
  }

  @Test
  void theSecretIsNotInTextsOfAPlace() {
    generation.handle(join(1));
    assertThat(generation.handle(join(0)).toString()).doesNotContain("1, 2, 3");
  }

  @Test
  void aSecondWorkerOfTheSameRankIsToldToStop() {
    generation.handle(join(0));
    CoordinatorReply reply = generation.handle(new Join(ID, 0, 2, "9", "127.0.0.1:9999"));
    assertThat(((CoordinatorReply.Stop) reply).reason())
        .contains("Rank 0")
        .contains("127.0.0.1:1000")
        .contains("127.0.0.1:9999");
    assertThat(generation.failure()).isEmpty();
  }

  @Test
  void aWorkerThatExpectsAnotherWorldSizeIsToldToStop() {
    CoordinatorReply reply = generation.handle(new Join(ID, 2, 3, "2", "127.0.0.1:1002"));
    assertThat(reply).isInstanceOf(CoordinatorReply.Stop.class);
    CoordinatorReply other = generation.handle(new Join(ID, 0, 4, "0", "127.0.0.1:1000"));
    assertThat(((CoordinatorReply.Stop) other).reason()).contains("expects 4").contains("has 2");
  }

  @Test
  void workersThatDoNotComeInTimeAreNamed() {
    generation.handle(join(1));
    passSeconds(60);
    assertThat(generation.failure()).isEmpty();
    passSeconds(1);
    assertThat(generation.failure().orElseThrow().message())
        .isEqualTo("Only 1 of 2 workers came for stage matrix within 60 s; missing: rank 0.");
    assertThat(generation.handle(join(0))).isInstanceOf(CoordinatorReply.Stop.class);
  }

  @Test
  void aSilentWorkerEndsTheGenerationForTheOthers() {
    joinBoth();
    generation.handle(heartbeat(1, 0, step(12)));
    passSeconds(20);
    generation.handle(heartbeat(0, 0));
    passSeconds(11);
    WorkerFailure failure = generation.failure().orElseThrow();
    assertThat(failure.kind()).isEqualTo(Kind.LOST);
    assertThat(failure.message())
        .contains("Executor 1 (rank 1 on 127.0.0.1:1001)")
        .contains("30 s")
        .contains("stage matrix after step 12");
    assertThat(generation.handle(heartbeat(0, 0)))
        .isEqualTo(new CoordinatorReply.Stop(failure.message()));
  }

  @Test
  void everyRankIsHeardWithEachOfItsStepsOnce() {
    joinBoth();
    passSeconds(2);
    generation.handle(heartbeat(1, 0, step(1)));
    generation.handle(heartbeat(1, 0, step(1), step(2)));
    generation.handle(heartbeat(0, 0));
    assertThat(heard).extracting(RankHeartbeat::rank).containsExactly(1, 1, 0);
    assertThat(heard)
        .extracting(told -> told.steps().stream().map(StepMetrics::step).toList())
        .containsExactly(List.of(1L), List.of(2L), List.of());
    assertThat(heard.get(0).executor()).isEqualTo("1");
    assertThat(heard.get(0).address()).isEqualTo("127.0.0.1:1001");
    assertThat(heard.get(0).time()).isEqualTo(Instant.EPOCH.plusSeconds(2));
    assertThat(heard.get(0).workers()).isEqualTo(2);
  }

  @Test
  void aFinishedWorkerMayBeSilent() {
    joinBoth();
    generation.handle(new Finished(ID, 1));
    passSeconds(29);
    generation.handle(heartbeat(0, 0));
    passSeconds(29);
    assertThat(generation.failure()).isEmpty();
    generation.executorLost("1", "it was scaled down");
    assertThat(generation.failure()).isEmpty();
  }

  @Test
  void aFailureWithAReasonOfItsOwnCountsAtOnceAndForGood() {
    joinBoth();
    WorkerFailure first = new WorkerFailure(Kind.DATA, "Shard 3 is corrupt.", "");
    generation.handle(new Failed(ID, 1, first));
    generation.handle(new Failed(ID, 0, new WorkerFailure(Kind.UNEXPECTED, "null", "")));
    generation.executorLost("0", "killed");
    assertThat(generation.failure()).contains(first);
    assertThat(generation.causeIsKnown()).isTrue();
  }

  @Test
  void anExecutorThatIsLostWhileRanksAreMissingEndsTheGenerationAtOnce() {
    generation.handle(join(0));
    generation.executorLost("1", "its process was killed");
    assertThat(generation.failure().orElseThrow().message())
        .isEqualTo(
            "Executor 1 was lost before all workers of stage matrix had come: its process was"
                + " killed.");
  }

  @Test
  void aLostConnectionIsOnlyTheEchoOfTheExecutorThatWasLost() {
    joinBoth();
    generation.handle(new Failed(ID, 0, WorkerFailure.infrastructure("Rank 1 closed its socket.")));
    assertThat(generation.failure().orElseThrow().message()).contains("closed its socket");
    assertThat(generation.causeIsKnown()).isFalse();
    generation.executorLost("1", "its process was killed");
    assertThat(generation.failure().orElseThrow().message())
        .contains("Executor 1")
        .contains("its process was killed");
    assertThat(generation.causeIsKnown()).isTrue();
  }

  @Test
  void anExecutorWithoutARankDoesNotMatter() {
    joinBoth();
    generation.executorLost("5", "killed");
    assertThat(generation.failure()).isEmpty();
  }

  @Test
  void eventsOfRankZeroArriveOnceAndInOrderThoughAnswersAreLost() {
    joinBoth();
    generation.handle(heartbeat(0, 0, step(1), step(2)));
    generation.handle(heartbeat(0, 0, step(1), step(2), step(3)));
    generation.handle(heartbeat(0, 3, step(4)));
    generation.handle(heartbeat(1, 0, step(1)));
    assertThat(events).containsExactly(step(1), step(2), step(3), step(4));
  }

  @Test
  void stepIsTheOneAfterTheFurthestRanksLastAndIsUnknownBeforeTraining() {
    joinBoth();
    assertThat(generation.step()).isEmpty();
    generation.handle(heartbeat(0, 0, new WorkerEvent.TrainingStarted("matrix", 8)));
    assertThat(generation.step()).hasValue(9);
    generation.handle(heartbeat(1, 0, step(9), step(10)));
    assertThat(generation.step()).hasValue(11);
  }

  @Test
  void stragglerOfAnyRankIsNamedWithItsExecutorAndHost() {
    joinBoth();
    for (int i = 1; i <= Stragglers.RECENT; i++) {
      generation.handle(heartbeat(0, i, step(i, 0.1)));
      generation.handle(heartbeat(1, i, step(i, 0.4)));
    }
    assertThat(paces)
        .containsExactly(
            new PaceChange(
                true, 1, "Executor 1 (rank 1 on 127.0.0.1:1001)", Stragglers.RECENT, 0.4, 0.1));
  }

  @Test
  void aRankThatDoesNotExistIsToldToStop() {
    assertThat(generation.handle(heartbeat(2, 0))).isInstanceOf(CoordinatorReply.Stop.class);
    assertThat(generation.handle(heartbeat(-1, 0))).isInstanceOf(CoordinatorReply.Stop.class);
  }

  @Test
  void checkpointMayBePublishedOnceItIsPermittedAndTheGenerationGoesWell() {
    joinBoth();
    WorkerEvent ready = new WorkerEvent.CheckpointReady("matrix", 4);
    assertThat(generation.handle(heartbeat(0, 0, ready)))
        .isEqualTo(new CoordinatorReply.Continue(-1));
    assertThat(events).containsExactly(ready);

    generation.permitCheckpoint(4);
    assertThat(generation.handle(heartbeat(0, 1))).isEqualTo(new CoordinatorReply.Continue(4));
    generation.abort(WorkerFailure.infrastructure("It is over."));
    assertThat(generation.handle(heartbeat(0, 1))).isInstanceOf(CoordinatorReply.Stop.class);
  }

  private void joinBoth() {
    generation.handle(join(0));
    generation.handle(join(1));
  }

  private void passSeconds(int seconds) {
    now = now.plusSeconds(seconds);
    generation.checkTime();
  }

  private static Join join(int rank) {
    return new Join(ID, rank, 2, Integer.toString(rank), "127.0.0.1:" + (1000 + rank));
  }

  private static CoordinatorMessage heartbeat(int rank, long firstEvent, WorkerEvent... events) {
    return new Heartbeat(ID, rank, firstEvent, List.of(events));
  }

  private static WorkerEvent step(long step) {
    return step(step, 0.1);
  }

  private static WorkerEvent step(long step, double compute) {
    return new WorkerEvent.StepDone(
        new StepMetrics(
            StageKind.MATRIX, step, 100, step * 10, 1.5, List.of(), 1, 1e-3, compute, 0, 0, 0.1));
  }
}
