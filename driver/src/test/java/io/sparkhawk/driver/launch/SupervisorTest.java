package io.sparkhawk.driver.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.driver.config.SupervisionSettings;
import io.sparkhawk.driver.coordinator.PaceChange;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.worker.WorkerFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** A supervisor of generations that do as they are told, on a cluster that is a number. */
class SupervisorTest {

  private static final int WORKERS = 4;
  private static final WorkerFailure LOST =
      WorkerFailure.lost("Executor 1 was lost in stage distill after step 5: killed.");

  private final List<String> story = new ArrayList<>();
  private final List<RunEvent> events = new ArrayList<>();
  private final FakeSlots slots = new FakeSlots();
  private final Deque<Generation> generations = new ArrayDeque<>();
  private Instant now = Instant.EPOCH;

  /** What one generation does. */
  private interface Generation {
    String run(int workers, GenerationListener listener);
  }

  @Test
  void failureIsSaidOnceAndTrainingGoesOnFromTheNewestCheckpoint() {
    then(
        (workers, listener) -> {
          listener.trainingStarted("distill", 0);
          steps(listener, 1, 4);
          listener.checkpointPublished(new PublishedCheckpoint("distill", 4, "/c", 64));
          passSeconds(10);
          throw failure(LOST, 6);
        });
    then(
        (workers, listener) -> {
          passSeconds(3);
          listener.trainingStarted("distill", 4);
          return "done";
        });
    assertThat(train(0)).isEqualTo("done");
    assertThat(story)
        .containsExactly(
            "4 workers",
            "Executor 1 was lost in stage distill after step 5: killed. Training starts again from"
                + " the newest checkpoint (restart 1 of 5).",
            "pause 0",
            "clear",
            "4 workers",
            "Training goes on from step 4 of stage distill with 4 workers; 13.0 s were lost.");
    assertThat(events)
        .extracting(RunEvent::event, RunEvent::step, RunEvent::workers, RunEvent::lostSeconds)
        .containsExactly(
            tuple(RunEvent.Kind.TRAINING, 0L, 4, 0.0),
            tuple(RunEvent.Kind.RESTART, 6L, 4, 0.0),
            tuple(RunEvent.Kind.TRAINING, 4L, 4, 13.0));
  }

  @Test
  void withoutEnoughExecutorsAsManyAreUsedAsShareTheBatchEvenly() {
    then(
        (workers, listener) -> {
          slots.there = 3; // A batch of 4 sequences cannot be shared by 3.
          throw failure(LOST, 6);
        });
    then((workers, listener) -> "done");
    assertThat(train(1)).isEqualTo("done");
    assertThat(story).contains("wait for 4", "2 workers");
  }

  @Test
  void withFewerThanTheFewestTheRunEnds() {
    then(
        (workers, listener) -> {
          slots.there = 3;
          throw failure(LOST, 6);
        });
    assertThatThrownBy(() -> train(0))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("stage distill needs at least 4 workers")
        .hasMessageContaining("only 3 executors were there after 120 s, of which 2 can share");
  }

  @Test
  void returnedExecutorsAreUsedAgainAtTheNextCheckpointWhichIsNoFailure() {
    slots.there = 2;
    then(
        (workers, listener) -> {
          listener.trainingStarted("distill", 0);
          slots.there = 4;
          steps(listener, 1, 4);
          assertThat(story).doesNotContain("4 workers");
          listener.checkpointPublished(new PublishedCheckpoint("distill", 4, "/c", 64));
          return "not reached";
        });
    then(
        (workers, listener) -> {
          listener.trainingStarted("distill", 4);
          return "done";
        });
    assertThat(train(1)).isEqualTo("done");
    assertThat(story)
        .containsExactly(
            "2 workers",
            "There are executors for 4 workers instead of 2; stage distill goes on with them from"
                + " its checkpoint of step 4.",
            "clear",
            "4 workers",
            "Training goes on from step 4 of stage distill with 4 workers.");
  }

  @Test
  void generationDoesNotGiveWayAtItsEnd() {
    slots.there = 2;
    then(
        (workers, listener) -> {
          slots.there = 4;
          steps(listener, 99, 100);
          listener.checkpointPublished(new PublishedCheckpoint("distill", 100, "/c", 64));
          return "done";
        });
    assertThat(train(1)).isEqualTo("done");
  }

  @Test
  void returnedExecutorsThatDoNotLastAreTriedLessOften() {
    slots.there = 2;
    then((workers, listener) -> growsAt(listener, 4));
    then(
        (workers, listener) -> {
          slots.there = 2;
          throw failure(LOST, 5);
        });
    then(
        (workers, listener) -> {
          slots.there = 4;
          steps(listener, 5, 8);
          listener.checkpointPublished(new PublishedCheckpoint("distill", 8, "/c", 64));
          steps(listener, 9, 12);
          return growsAt(listener, 12);
        });
    then((workers, listener) -> "done");
    assertThat(train(1)).isEqualTo("done");
    assertThat(story)
        .filteredOn(line -> line.endsWith("workers"))
        .containsExactly("2 workers", "4 workers", "2 workers", "4 workers");
  }

  @Test
  void wrongDataEndsTheRunAtOnce() {
    then(
        (workers, listener) -> {
          throw failure(new WorkerFailure(WorkerFailure.Kind.DATA, "Shard 3 is corrupt.", ""), 6);
        });
    assertThatThrownBy(() -> train(0))
        .isInstanceOf(DataException.class)
        .hasMessage("Shard 3 is corrupt.");
  }

  @Test
  void storageThatTheDriverCannotWriteIsTriedAgainLikeAWorkers() {
    then(
        (workers, listener) -> {
          throw new InfrastructureException("Cannot write metrics.jsonl.");
        });
    then((workers, listener) -> "done");
    assertThat(train(0)).isEqualTo("done");
    assertThat(story)
        .contains(
            "Cannot write metrics.jsonl. Training starts again from the newest checkpoint in 2 s"
                + " (restart 1 of 5).",
            "pause 2");
  }

  @Test
  void listenerThatRefusesARestartEndsTheRun() {
    then(
        (workers, listener) -> {
          throw failure(LOST, 6);
        });
    InfrastructureException takenOver = new InfrastructureException("The run was taken over.");
    assertThatThrownBy(
            () ->
                supervisor(0)
                    .run(
                        work(),
                        (workers, listener) -> generations.remove().run(workers, listener),
                        new FakeListener() {
                          @Override
                          public void runEvent(RunEvent event) {
                            throw takenOver;
                          }
                        }))
        .isSameAs(takenOver);
    assertThat(story).doesNotContain("clear");
  }

  @Test
  void stragglerIsToldWithWhereItRuns() {
    then(
        (workers, listener) -> {
          listener.paceChanged(
              new PaceChange(true, 2, "Executor 7 (rank 2 on 10.0.0.7:4000)", 30, 0.5, 0.2));
          return "done";
        });
    assertThat(train(0)).isEqualTo("done");
    assertThat(story)
        .contains(
            "Executor 7 (rank 2 on 10.0.0.7:4000) is a straggler since step 30 of stage distill: it"
                + " computes 0.500 s a step where the median of all is 0.200 s; the others wait for"
                + " it.");
    assertThat(events.get(0).rank()).isEqualTo(2);
  }

  private String growsAt(GenerationListener listener, long step) {
    slots.there = 4;
    steps(listener, step, step);
    listener.checkpointPublished(new PublishedCheckpoint("distill", step, "/c", 64));
    return "not reached";
  }

  private void then(Generation generation) {
    generations.add(generation);
  }

  private String train(int minWorkers) {
    return supervisor(minWorkers)
        .run(
            work(),
            (workers, listener) -> {
              story.add(workers + " workers");
              return generations.remove().run(workers, listener);
            },
            new FakeListener());
  }

  private Supervisor supervisor(int minWorkers) {
    return new Supervisor(
        new SupervisionSettings(5, minWorkers, Duration.ofMinutes(2), 2),
        WORKERS,
        slots,
        () -> now,
        pause -> story.add("pause " + pause.toSeconds()));
  }

  private static Work work() {
    return Work.training("stage distill", SamplePlans.samples(4));
  }

  private void passSeconds(int seconds) {
    now = now.plusSeconds(seconds);
  }

  private static GenerationFailure failure(WorkerFailure failure, long step) {
    return new GenerationFailure(failure, OptionalLong.of(step), new IllegalStateException("job"));
  }

  private static void steps(GenerationListener listener, long first, long last) {
    for (long step = first; step <= last; step++) {
      listener.step(
          new StepMetrics(
              StageKind.DISTILL, step, 100, step * 256, 1.5, List.of(), 1, 1e-3, 0.1, 0, 0, 0.1));
    }
  }

  private final class FakeSlots implements Slots {

    private int there = WORKERS;

    @Override
    public int available() {
      return there;
    }

    @Override
    public int await(int wanted, Duration limit) {
      if (there < wanted) {
        story.add("wait for " + wanted);
      }
      return there;
    }

    @Override
    public void replaceLost() {}

    @Override
    public void clear() {
      story.add("clear");
    }
  }

  private class FakeListener implements SupervisionListener {

    @Override
    public void step(StepMetrics metrics) {}

    @Override
    public void checkpointPublished(PublishedCheckpoint checkpoint) {}

    @Override
    public void runEvent(RunEvent event) {
      events.add(event);
      if (event.event() != RunEvent.Kind.TRAINING || event.step() > 0) {
        story.add(event.sentence());
      }
    }
  }
}
