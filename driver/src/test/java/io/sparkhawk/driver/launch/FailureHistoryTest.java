package io.sparkhawk.driver.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.executor.train.StepSamples;
import io.sparkhawk.executor.worker.WorkerFailure;
import io.sparkhawk.executor.worker.WorkerFailure.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FailureHistoryTest {

  private static final StepSamples SAMPLES = SamplePlans.samples(4);
  private static final WorkerFailure LOST = WorkerFailure.lost("Executor 1 was lost.");
  private static final WorkerFailure STORAGE = WorkerFailure.infrastructure("No storage");
  private static final WorkerFailure BUG = new WorkerFailure(Kind.UNEXPECTED, "NaN", "at X");

  private final FailureHistory history =
      new FailureHistory(Work.training("stage distill", SAMPLES), 5);

  @ParameterizedTest
  @CsvSource({"CONFIGURATION", "DATA", "UNKNOWN_STATE"})
  void whatStartingAgainCannotMendIsThrownAtOnce(Kind kind) {
    Class<?> type =
        switch (kind) {
          case CONFIGURATION -> ConfigurationException.class;
          case DATA -> DataException.class;
          default -> UnknownStateException.class;
        };
    assertThatThrownBy(() -> history.failed(new WorkerFailure(kind, "so it is", ""), step(3)))
        .isInstanceOf(type)
        .hasMessage("so it is");
  }

  @Test
  void firstLossIsMadeGoodAtOnceAndLaterOnesAfterShortPauses() {
    assertThat(pauses(LOST, 5)).containsExactly(0L, 2L, 8L, 10L, 10L);
  }

  @Test
  void storageThatIsOutIsGivenTimeFromTheFirst() {
    assertThat(pauses(STORAGE, 5)).containsExactly(2L, 8L, 32L, 120L, 120L);
  }

  @Test
  void restartsInARowAreBounded() {
    assertThat(pauses(STORAGE, 5)).hasSize(5);
    assertThatThrownBy(() -> history.failed(STORAGE, step(9)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessage(
            "No storage. Stage distill was started again 5 times in a row without a new checkpoint;"
                + " the run ends here. Run the same command again to continue from the newest"
                + " checkpoint.");
  }

  @Test
  void newCheckpointBeginsTheCountAnew() {
    assertThat(pauses(LOST, 5)).hasSize(5);
    history.progressed();
    assertThat(history.failed(LOST, step(50)).number()).isEqualTo(1);
  }

  @Test
  void storageThatFailsInTheSameStepIsNoProblemOfTheData() {
    for (int i = 0; i < 5; i++) {
      history.failed(STORAGE, step(7));
    }
    assertThatThrownBy(() -> history.failed(STORAGE, step(7)))
        .isInstanceOf(InfrastructureException.class);
  }

  @Test
  void errorThatComesBackInTheSameStepIsOneOfItsSamples() {
    history.failed(BUG, step(3));
    assertThatThrownBy(() -> history.failed(BUG, step(3)))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("Stage distill failed 2 times in step 3, the last time so: NaN.")
        .hasMessageContaining("global samples 8 to 11: train-0.arrow row");
  }

  @Test
  void executorsLostInTheSameStepBeforeEachRestartAndAgainAreNoAccident() {
    for (int i = 0; i < 5; i++) {
      history.failed(LOST, step(3));
    }
    assertThatThrownBy(() -> history.failed(LOST, step(3)))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("failed 6 times in step 3")
        .hasMessageContaining("Executor 1 was lost.");
  }

  @Test
  void checkpointThatIsPublishedInBetweenDoesNotHideThePattern() {
    history.failed(BUG, step(3));
    history.progressed();
    assertThatThrownBy(() -> history.failed(BUG, step(3))).isInstanceOf(DataException.class);
  }

  @Test
  void failuresOfDifferentStepsAndBeforeTheFirstStepAreAccidents() {
    history.failed(BUG, step(3));
    history.failed(BUG, step(4));
    history.failed(BUG, OptionalLong.empty());
    history.failed(BUG, OptionalLong.empty());
    assertThat(history.failed(BUG, step(3)).number()).isEqualTo(5);
  }

  @Test
  void withoutRestartsTheFirstFailureIsTheLast() {
    FailureHistory none = new FailureHistory(Work.withoutSteps("export of the student"), 0);
    assertThatThrownBy(() -> none.failed(LOST, OptionalLong.empty()))
        .isInstanceOf(InfrastructureException.class)
        .hasMessage(
            "Executor 1 was lost. Run the same command again to continue from the newest"
                + " checkpoint.");
  }

  /** Pauses of restarts whose failures are all in steps of their own. */
  private List<Long> pauses(WorkerFailure failure, int failures) {
    List<Long> pauses = new ArrayList<>();
    for (int i = 0; i < failures; i++) {
      Duration pause = history.failed(failure, step(100 + i)).pause();
      pauses.add(pause.toSeconds());
    }
    return pauses;
  }

  private static OptionalLong step(long step) {
    return OptionalLong.of(step);
  }
}
