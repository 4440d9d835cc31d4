package io.sparkhawk.driver.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tensorflow.framework.Summary;
import org.tensorflow.util.Event;
import org.tensorflow.util.SessionLog.SessionStatus;

/** Event files, read back by TensorFlow's own classes. */
class TensorBoardLogTest {

  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.parse("2026-01-02T03:04:05.250Z"));

  @TempDir private Path folder;

  private TensorBoardLog open(FileSystem files) {
    return TensorBoardLog.in(files, new org.apache.hadoop.fs.Path(folder.toUri()), CLOCK);
  }

  private TensorBoardLog open() throws IOException {
    return open(FileSystem.getLocal(new Configuration()));
  }

  private Path stage(StageKind stage) {
    return folder.resolve(stage.label());
  }

  /** Steps whose loss is their number plus {@code offset}. */
  private static List<StepMetrics> steps(StageKind stage, int first, int last, double offset) {
    return Stream.iterate(first, k -> k + 1)
        .limit(last - first + 1L)
        .map(
            k ->
                new StepMetrics(
                    stage,
                    k,
                    last,
                    k * 256L,
                    k + offset,
                    stage == StageKind.DISTILL ? List.of() : List.of(1.5, Double.NaN, 2.5),
                    0.5,
                    1e-3,
                    1.0,
                    0.5,
                    0.25,
                    0.125,
                    2.0, // of them 0.125 for a checkpoint
                    1))
        .toList();
  }

  @Test
  void aStepIsReadBackWithAllItsFigures() throws IOException {
    try (TensorBoardLog log = open()) {
      log.start("matrix", 0);
      steps(StageKind.MATRIX, 1, 1, 0.75).forEach(log::append);
    }
    List<Event> events = EventFiles.events(stage(StageKind.MATRIX));

    assertThat(events).hasSize(3);
    assertThat(events.get(0).getFileVersion()).isEqualTo("brain.Event:2");
    assertThat(events.get(1).getSessionLog().getStatus()).isEqualTo(SessionStatus.START);
    assertThat(events.get(1).getStep()).isEqualTo(1);
    Event step = events.get(2);
    assertThat(step.getStep()).isEqualTo(1);
    assertThat(step.getWallTime()).isEqualTo(1_767_323_045.25);
    assertThat(step.getUnknownFields().asMap()).isEmpty();
    assertThat(step.getSummary().getValueList())
        .extracting(Summary.Value::getTag, value -> (double) value.getSimpleValue())
        .containsExactly(
            value("loss", 1.75),
            value("gradient_norm", 0.5),
            value("learning_rate", (double) 1e-3f),
            value("tokens_per_second", 256 / 1.875f),
            value("seconds/step", 2.0),
            value("seconds/compute", 1.0),
            value("seconds/wait", 0.5),
            value("seconds/data", 0.25),
            value("seconds/checkpoint", 0.125),
            value("skipped_steps", 1.0),
            value("block_loss/0", 1.5),
            value("block_loss/2", 2.5));
  }

  private static org.assertj.core.groups.Tuple value(String tag, double value) {
    return org.assertj.core.groups.Tuple.tuple(tag, value);
  }

  @Test
  void aStepIsInTheFileBeforeTheLogIsClosed() throws IOException {
    TensorBoardLog log = open();
    log.start("distill", 0);
    steps(StageKind.DISTILL, 1, 300, 0).forEach(log::append);

    assertThat(EventFiles.scalars(stage(StageKind.DISTILL), "loss"))
        .hasSize(300)
        .containsEntry(300L, 300f);
    log.close();
  }

  @Test
  void aLossThatIsNotFiniteIsReadBackAsSuch() throws IOException {
    try (TensorBoardLog log = open()) {
      log.start("distill", 0);
      steps(StageKind.DISTILL, 1, 1, Double.NaN).forEach(log::append);
    }
    assertThat(EventFiles.scalars(stage(StageKind.DISTILL), "loss").get(1L)).isNaN();
  }

  @Test
  void stepsThatARestartMakesAgainAreShownOnce() throws IOException {
    try (TensorBoardLog log = open()) {
      log.start("matrix", 0);
      steps(StageKind.MATRIX, 1, 5, 0).forEach(log::append);
      log.start("matrix", 2);
      steps(StageKind.MATRIX, 3, 4, 100).forEach(log::append);
    }
    assertThat(EventFiles.scalars(stage(StageKind.MATRIX), "loss"))
        .containsOnlyKeys(1L, 2L, 3L, 4L)
        .containsEntry(2L, 2f)
        .containsEntry(3L, 103f);
  }

  @Test
  void anotherSessionGoesOnInAFileOfItsOwnEvenWithinTheSameSecond() throws IOException {
    for (int session = 0; session < 3; session++) {
      try (TensorBoardLog log = open()) {
        log.start("hidden", session);
        steps(StageKind.HIDDEN, session + 1, 6 - session, 100 * session).forEach(log::append);
      }
    }
    try (Stream<Path> files = Files.list(stage(StageKind.HIDDEN))) {
      assertThat(files).hasSize(3);
    }
    assertThat(EventFiles.scalars(stage(StageKind.HIDDEN), "loss"))
        .containsOnlyKeys(1L, 2L, 3L, 4L)
        .containsEntry(1L, 1f)
        .containsEntry(2L, 102f)
        .containsEntry(4L, 204f);
  }

  @Test
  void eachStageHasAFolderAndEndsWithItsPerplexities() throws IOException {
    StageResult result = SampleRun.stages().get(0);
    try (TensorBoardLog log = open()) {
      log.start("matrix", 0);
      steps(StageKind.MATRIX, 1, 3, 0).forEach(log::append);
      log.end(result);
      log.start("hidden", 0);
      steps(StageKind.HIDDEN, 1, 2, 0).forEach(log::append);
    }
    assertThat(EventFiles.scalars(stage(StageKind.MATRIX), "held_out_perplexity"))
        .containsOnlyKeys(0L, 3L)
        .hasEntrySatisfying(
            3L, p -> assertThat((double) p).isCloseTo(result.after().perplexity(), within(1e-3)));
    assertThat(EventFiles.scalars(stage(StageKind.HIDDEN), "loss")).hasSize(2);
  }

  @Test
  void onAnObjectStoreStepsAreThereFromTheNextCheckpointOn() throws IOException {
    TensorBoardLog log = open(ObjectStore.open());
    log.start("distill", 0);
    steps(StageKind.DISTILL, 1, 2, 0).forEach(log::append);
    assertThat(stage(StageKind.DISTILL)).doesNotExist();
    log.flush();
    steps(StageKind.DISTILL, 3, 3, 0).forEach(log::append);

    assertThat(EventFiles.scalars(stage(StageKind.DISTILL), "loss")).hasSize(2);
    log.close();
    assertThat(EventFiles.scalars(stage(StageKind.DISTILL), "loss")).hasSize(3);
  }

  @Test
  void aFileThatCannotBeWrittenIsNamed() {
    assertThatThrownBy(() -> open(new FullDisk(0)).start("distill", 0))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining("No space left on device");
  }
}
