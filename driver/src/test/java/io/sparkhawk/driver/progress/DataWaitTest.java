package io.sparkhawk.driver.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import java.util.List;
import org.junit.jupiter.api.Test;

class DataWaitTest {

  private final DataWait wait = new DataWait();

  private void steps(int count, double dataSeconds) {
    for (int i = 0; i < count; i++) {
      wait.add(
          new StepMetrics(
              StageKind.MATRIX, 1, 100, 100, 1, List.of(), 1, 1e-3, 0.9, 0, dataSeconds, 1));
    }
  }

  @Test
  void waitOfTheFirstStepsIsNotToldOf() {
    steps(10, 0.9);
    steps(90, 0.04);
    assertThat(wait.warning()).isEmpty();
  }

  @Test
  void lastingWaitIsToldWithItsShareAndWhatToDo() {
    steps(10, 0);
    steps(90, 0.25);
    assertThat(wait.warning()).get().asString().contains("25%", "local-cache", "nearer");
  }

  @Test
  void stageOfFewStepsHasNoSteadyState() {
    steps(10, 0.9);
    assertThat(wait.warning()).isEmpty();
  }
}
