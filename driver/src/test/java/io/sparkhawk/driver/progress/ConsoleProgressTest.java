package io.sparkhawk.driver.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConsoleProgressTest {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private final TestClock clock = new TestClock();

  @Test
  void aStageBeginsBySayingHowManyStepsItsTokensMake() {
    ConsoleProgress.of(out, false, 80, clock).stageStarted(stage(63_000), 1, 3, 256);

    assertThat(written())
        .isEqualTo(
            "stage 1 of 3, matrix: 63,000 tokens at 1,024 tokens (4 sequences of 256) per step"
                + " = 62 steps\n");
  }

  @Test
  void withoutATerminalALineIsWrittenEveryTenSecondsAndAtTheLastStep() {
    ConsoleProgress progress = ConsoleProgress.of(out, false, 80, clock);
    progress.stageStarted(stage(63_000), 1, 3, 256);
    bytes.reset();

    for (int k = 1; k <= 62; k++) {
      clock.advance(Duration.ofMillis(500));
      progress.step(step(k, 62, 10));
    }

    assertThat(written())
        .isEqualTo(
            """
            matrix: 20/62, 20.5K tokens, loss 10.00, 2,048 tokens/s, 0:21 left
            matrix: 40/62, 41.0K tokens, loss 10.00, 2,048 tokens/s, 0:11 left
            matrix: 60/62, 61.4K tokens, loss 10.00, 2,048 tokens/s, 0:01 left
            matrix: 62/62, 63.5K tokens, loss 10.00, 2,048 tokens/s, 0:00 left
            """);
  }

  @Test
  void inATerminalOneLineIsRedrawnInPlaceAtMostTenTimesASecond() {
    ConsoleProgress progress = ConsoleProgress.of(out, true, 80, clock);
    progress.stageStarted(stage(63_000), 1, 3, 256);
    bytes.reset();

    for (int k = 1; k <= 30; k++) {
      clock.advance(Duration.ofMillis(50));
      progress.step(step(k, 62, 10, 0.05));
    }

    assertThat(written()).doesNotContain("\n");
    assertThat(written().split("\r", -1)).hasSize(1 + 15);
    assertThat(lastDrawn())
        .isEqualTo(
            "matrix  [===>     ]  29/62  29.7K tokens  loss 10.00  20,480 tokens/s  0:02 left");
  }

  @Test
  void theBarFillsTheWidthOfTheTerminal() {
    ConsoleProgress progress = ConsoleProgress.of(out, true, 100, clock);
    progress.begin("evaluate", "evaluating the teacher");
    progress.advance(0.5, "41,088 of 82,176 tokens");

    assertThat(lastDrawn())
        .isEqualTo("evaluate  [==============>               ]  41,088 of 82,176 tokens");
  }

  @Test
  void workOfUnknownLengthHasNoBar() {
    ConsoleProgress progress = ConsoleProgress.of(out, true, 80, clock);
    progress.begin("prepare", "reading documents");
    progress.advance(Double.NaN, "1,204 documents", "1.2M tokens");

    assertThat(lastDrawn()).isEqualTo("prepare  1,204 documents  1.2M tokens");
  }

  @Test
  void theSpeedIsThatOfTheLastHalfMinute() {
    ConsoleProgress progress = ConsoleProgress.of(out, false, 80, clock);
    progress.stageStarted(stage(1_024_000), 1, 3, 256);
    for (int k = 1; k <= 100; k++) {
      clock.advance(Duration.ofMillis(100));
      progress.step(step(k, 1000, 10));
    }
    for (int k = 101; k <= 160; k++) {
      clock.advance(Duration.ofSeconds(1));
      progress.step(step(k, 1000, 10));
    }

    assertThat(written().lines().reduce((a, b) -> b)).get().asString().contains("1,024 tokens/s");
  }

  @Test
  void theWaitForACheckpointDoesNotCountAsSlowTraining() {
    ConsoleProgress progress = ConsoleProgress.of(out, false, 80, clock);
    progress.stageStarted(stage(4 * 1024), 1, 1, 256);
    for (int k = 1; k <= 4; k++) {
      double stall = k == 4 ? 20 : 0;
      clock.advance(Duration.ofMillis((long) (1000 * (0.5 + stall))));
      progress.step(
          new StepMetrics(
              StageKind.MATRIX,
              k,
              4,
              k * 1024L,
              10,
              List.of(),
              1,
              3e-3,
              0.5,
              0,
              0,
              stall,
              0.5 + stall,
              0));
    }

    assertThat(written())
        .endsWith("matrix: 4/4, 4.10K tokens, loss 10.00, 2,048 tokens/s, 0:00 left\n");
  }

  @Test
  void aRunThatStepsBackToACheckpointShowsNoNegativeSpeed() {
    ConsoleProgress progress = ConsoleProgress.of(out, false, 80, clock);
    progress.stageStarted(stage(102_400), 1, 3, 256);
    progress.step(step(50, 100, 10));
    clock.advance(Duration.ofSeconds(11));
    progress.step(step(41, 100, 10));
    clock.advance(Duration.ofSeconds(11));
    progress.step(step(52, 100, 10));

    assertThat(written())
        .doesNotContain("-")
        .contains("matrix: 41/100, 42.0K tokens, loss 10.00\n")
        .contains("1,024 tokens/s");
  }

  @Test
  void aLossThatIsNotFiniteIsCalledSo() {
    ConsoleProgress progress = ConsoleProgress.of(out, false, 80, clock);
    progress.stageStarted(stage(1_024), 1, 1, 256);
    progress.step(step(1, 1, Double.NaN));

    assertThat(written()).contains("loss not finite");
  }

  @Test
  void aMessageInATerminalStandsAboveTheLineThatIsRedrawn() {
    ConsoleProgress progress = ConsoleProgress.of(out, true, 80, clock);
    progress.stageStarted(stage(63_000), 1, 3, 256);
    clock.advance(Duration.ofSeconds(1));
    progress.step(step(1, 62, 10));
    String drawn = lastDrawn();
    bytes.reset();

    progress.checkpointPublished(
        new PublishedCheckpoint("matrix", 1, "runs/quickstart/checkpoints/matrix-1", 64));

    assertThat(written())
        .startsWith("\r\033[Kcheckpoint matrix, step 1: runs/quickstart/checkpoints/matrix-1\n")
        .contains(drawn);
  }

  @Test
  void theEndOfAStageSaysWhatItCameTo() {
    ConsoleProgress progress = ConsoleProgress.of(out, false, 80, clock);
    progress.stageStarted(stage(63_000), 1, 3, 256);
    bytes.reset();
    progress.stageEnded(SampleRun.stages().get(0));

    assertThat(written())
        .isEqualTo(
            "matrix done: 63,488 tokens in 31 s, loss 22.60 to 6.900, perplexity 1,386 to 998.0"
                + " (20,000 held-out tokens)\n");
  }

  @Test
  void closingInTheMiddleOfAnActivityLeavesTheCursorOnAnEmptyLine() {
    ConsoleProgress progress = ConsoleProgress.of(out, true, 80, clock);
    progress.begin("prepare", "reading documents");
    progress.advance(0.1, "1,204 documents");
    progress.close();
    progress.close();

    assertThat(written()).endsWith("1,204 documents\033[?7h\n");
  }

  @Test
  void theWidthIsWhatTheLauncherFound() {
    assertThat(ConsoleProgress.columns(Map.of("SPARKHAWK_COLUMNS", "132"))).isEqualTo(132);
    assertThat(ConsoleProgress.columns(Map.of("SPARKHAWK_COLUMNS", "wide"))).isZero();
    assertThat(ConsoleProgress.columns(Map.of())).isZero();
  }

  private String written() {
    return bytes.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
  }

  /** The text of the line as it stands in the terminal. */
  private String lastDrawn() {
    String text = written();
    return text.substring(text.lastIndexOf("\033[?7l") + 5, text.lastIndexOf("\033[?7h"));
  }

  private static StepMetrics step(long step, long steps, double loss) {
    return step(step, steps, loss, 0.5);
  }

  private static StepMetrics step(long step, long steps, double loss, double seconds) {
    return new StepMetrics(
        StageKind.MATRIX,
        step,
        steps,
        step * 1024,
        loss,
        List.of(),
        1,
        3e-3,
        seconds,
        0,
        0,
        0,
        seconds,
        0);
  }

  private static StageSettings stage(long tokens) {
    return new StageSettings(
        StageKind.MATRIX,
        tokens,
        1024,
        0,
        3e-3,
        0.1,
        0.1,
        0.1,
        0.9,
        0.95,
        1e-8,
        1,
        TrainedParts.MIXERS,
        HiddenTarget.MIXER,
        false);
  }

  private static final class TestClock implements InstantSource {
    private Instant now = Instant.parse("2026-01-01T00:00:00Z");

    void advance(Duration time) {
      now = now.plus(time);
    }

    @Override
    public Instant instant() {
      return now;
    }
  }
}
