package io.sparkhawk.driver.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.RunEvent.Kind;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimelineDataTest {

  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  private static RunEvent event(Kind kind, long seconds, String work, long step) {
    return new RunEvent(kind, START.plusSeconds(seconds).toString(), work, step, 2, -1, 0, "x");
  }

  /** Steps of two seconds. */
  private static List<StepMetrics> steps(StageKind stage, int count) {
    List<StepMetrics> steps = new ArrayList<>();
    for (int k = 1; k <= count; k++) {
      steps.add(
          new StepMetrics(stage, k, count, k * 10L, 3, List.of(), 1, 1, 2.0, 0, 0, 0, 2.0, 0));
    }
    return steps;
  }

  private static double sinceStart(double time) {
    return time - START.getEpochSecond();
  }

  @Test
  void aRunThatStillGoesOnHasABarUpToItsNewestStep() {
    TimelineData timeline =
        TimelineData.of(
            List.of(
                event(Kind.SESSION, 0, "run", -1),
                event(Kind.TRAINING, 5, "stage matrix", 0),
                event(Kind.CHECKPOINT, 14, "stage matrix", 4)),
            steps(StageKind.MATRIX, 7));

    assertThat(timeline.spans())
        .extracting(TimelineData.Span::stage, span -> sinceStart(span.to()), TimelineData.Span::end)
        .containsExactly(tuple("matrix", 19.0, "the newest step"));
    assertThat(timeline.marks())
        .extracting(TimelineData.Mark::kind, mark -> sinceStart(mark.time()))
        .containsExactly(tuple("session", 0.0), tuple("checkpoint", 14.0));
  }

  /** Of a killed process, only the steps that were not made again are its own. */
  @Test
  void aKilledProcessesBarEndsWithTheStepsThatCount() {
    TimelineData timeline =
        TimelineData.of(
            List.of(
                event(Kind.TRAINING, 0, "stage matrix", 0),
                event(Kind.SESSION, 1000, "run", -1),
                event(Kind.TRAINING, 1010, "stage matrix", 4),
                event(Kind.ENDED, 1030, "stage matrix", -1)),
            steps(StageKind.MATRIX, 10));

    assertThat(timeline.spans())
        .extracting(span -> sinceStart(span.to()), TimelineData.Span::step)
        .containsExactly(tuple(8.0, 0L), tuple(1030.0, 4L));
  }

  /** Its log has neither sessions, checkpoints nor ends of stages. */
  @Test
  void aRunOfAnOlderVersionHasBarsOfItsSteps() {
    List<StepMetrics> steps = new ArrayList<>(steps(StageKind.MATRIX, 5));
    steps.addAll(steps(StageKind.HIDDEN, 3));
    TimelineData timeline =
        TimelineData.of(
            List.of(
                event(Kind.TRAINING, 0, "stage matrix", 0),
                event(Kind.TRAINING, 60, "stage hidden", 0)),
            steps);

    assertThat(timeline.spans())
        .extracting(TimelineData.Span::stage, span -> sinceStart(span.to()))
        .containsExactly(tuple("matrix", 10.0), tuple("hidden", 66.0));
  }

  @Test
  void whatHasNoTimeOrIsNoStageHasNoBar() {
    RunEvent timeless = new RunEvent(Kind.RESTART, "soon", "stage matrix", 1, 2, -1, 0, "x");
    TimelineData timeline =
        TimelineData.of(List.of(timeless, event(Kind.TRAINING, 0, "evaluation", 0)), List.of());

    assertThat(timeline.spans()).isEmpty();
    assertThat(timeline.marks()).isEmpty();
  }
}
