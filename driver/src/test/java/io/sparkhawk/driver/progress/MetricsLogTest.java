package io.sparkhawk.driver.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.assertj.core.groups.Tuple;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsLogTest {

  @TempDir java.nio.file.Path folder;
  private java.nio.file.Path local;
  private Path file;
  private FileSystem fileSystem;

  @BeforeEach
  void locate() throws IOException {
    local = folder.resolve("run").resolve(MetricsLog.FILE_NAME);
    file = new Path(local.toUri());
    fileSystem = FileSystem.getLocal(new Configuration());
  }

  @Test
  void aStepIsOneLineOfJson() throws IOException {
    try (MetricsLog log = MetricsLog.open(fileSystem, file)) {
      log.append(
          new StepMetrics(
              StageKind.MATRIX,
              1,
              62,
              1024,
              22.6,
              List.of(21.5, Double.NaN),
              3.5,
              3e-4,
              0.4,
              0.05,
              0.01,
              0.03,
              0.5,
              0));
    }

    assertThat(local)
        .hasContent(
            "{\"stage\":\"matrix\",\"step\":1,\"steps\":62,\"tokens\":1024,\"loss\":22.6,"
                + "\"block_losses\":[21.5,null],\"gradient_norm\":3.5,\"learning_rate\":3.0E-4,"
                + "\"compute_seconds\":0.4,\"wait_seconds\":0.05,\"data_seconds\":0.01,"
                + "\"checkpoint_seconds\":0.03,\"seconds\":0.5,\"skipped_steps\":0}");
  }

  @Test
  void eventsAreReadInTheirOrderAndStepsDoNotSupersedeThem() {
    RunEvent started =
        new RunEvent(
            RunEvent.Kind.TRAINING, "2026-01-01T00:00:00Z", "stage matrix", 0, 2, -1, 0, "");
    RunEvent restart =
        new RunEvent(
            RunEvent.Kind.RESTART, "2026-01-01T00:01:00Z", "stage matrix", 4, 2, -1, 0, "x");
    try (MetricsLog log = MetricsLog.open(fileSystem, file)) {
      log.append(started);
      steps(StageKind.MATRIX, 1, 3, 5).forEach(log::append);
      log.append(restart);
      steps(StageKind.MATRIX, 1, 4, 5).forEach(log::append);
    }
    assertThat(MetricsLog.readEvents(fileSystem, file)).containsExactly(started, restart);
    assertThat(MetricsLog.read(fileSystem, file))
        .extracting(StepMetrics::step)
        .containsExactly(1L, 2L, 3L, 4L);
    assertThat(local).content().startsWith("{\"event\":\"training\",\"time\":");
  }

  @Test
  void whatWasWrittenIsReadBack() {
    List<StepMetrics> steps = SampleRun.steps();
    write(steps);

    assertThat(MetricsLog.read(fileSystem, file)).isEqualTo(steps);
  }

  @Test
  void aNumberThatIsNotFiniteIsReadBackAsNaN() throws IOException {
    write(
        List.of(
            new StepMetrics(
                StageKind.MATRIX,
                1,
                2,
                8,
                Double.POSITIVE_INFINITY,
                List.of(Double.NaN, 1.0),
                Double.NaN,
                1,
                1,
                1,
                1,
                1,
                1,
                0)));

    assertThat(Files.readString(local)).doesNotContain("NaN").doesNotContain("Infinity");
    StepMetrics read = MetricsLog.read(fileSystem, file).get(0);
    assertThat(read.loss()).isNaN();
    assertThat(read.gradientNorm()).isNaN();
    assertThat(read.blockLosses()).containsExactly(Double.NaN, 1.0);
  }

  @Test
  void aStepIsInTheFileBeforeTheLogIsClosed() {
    MetricsLog log = MetricsLog.open(fileSystem, file);
    log.append(step(StageKind.MATRIX, 1, 10));

    assertThat(MetricsLog.read(fileSystem, file)).hasSize(1);
    log.close();
  }

  @Test
  void aResumedRunSupersedesTheStepsAfterItsCheckpoint() {
    write(steps(StageKind.MATRIX, 1, 10, 5));
    write(steps(StageKind.MATRIX, 7, 8, 4));

    assertThat(MetricsLog.read(fileSystem, file))
        .extracting(StepMetrics::step, StepMetrics::loss)
        .containsExactly(
            tuple(1, 5),
            tuple(2, 5),
            tuple(3, 5),
            tuple(4, 5),
            tuple(5, 5),
            tuple(6, 5),
            tuple(7, 4),
            tuple(8, 4));
  }

  @Test
  void aStageThatBeginsAgainKeepsTheStagesBeforeIt() {
    write(steps(StageKind.MATRIX, 1, 3, 5));
    write(steps(StageKind.HIDDEN, 1, 4, 5));
    write(steps(StageKind.HIDDEN, 1, 2, 4));

    assertThat(MetricsLog.read(fileSystem, file))
        .extracting(StepMetrics::stage, StepMetrics::step)
        .containsExactly(
            tuple(StageKind.MATRIX, 1),
            tuple(StageKind.MATRIX, 2),
            tuple(StageKind.MATRIX, 3),
            tuple(StageKind.HIDDEN, 1),
            tuple(StageKind.HIDDEN, 2));
  }

  @Test
  void goingBackToAnEarlierStageSupersedesTheLaterOnes() {
    write(steps(StageKind.MATRIX, 1, 3, 5));
    write(steps(StageKind.HIDDEN, 1, 4, 5));
    write(steps(StageKind.MATRIX, 3, 3, 4));

    assertThat(MetricsLog.read(fileSystem, file))
        .extracting(StepMetrics::stage, StepMetrics::step, StepMetrics::loss)
        .containsExactly(
            Tuple.tuple(StageKind.MATRIX, 1L, 5.0),
            Tuple.tuple(StageKind.MATRIX, 2L, 5.0),
            Tuple.tuple(StageKind.MATRIX, 3L, 4.0));
  }

  @Test
  void aLineThatWasCutShortDoesNotCountAndIsNotContinued() throws IOException {
    write(steps(StageKind.MATRIX, 1, 3, 5));
    byte[] whole = Files.readAllBytes(local);
    for (int cut = 1; cut < 40; cut++) {
      Files.write(local, Arrays.copyOf(whole, whole.length - 1 - cut));
      assertThat(MetricsLog.read(fileSystem, file)).as("cut by %d bytes", cut).hasSize(2);
    }
    write(steps(StageKind.MATRIX, 3, 4, 5));

    assertThat(MetricsLog.read(fileSystem, file))
        .extracting(StepMetrics::step)
        .containsExactly(1L, 2L, 3L, 4L);
  }

  @Test
  void aWholeLineThatIsNotAStepIsNamed() throws IOException {
    write(steps(StageKind.MATRIX, 1, 2, 5));
    Files.writeString(local, Files.readString(local) + "{\"stage\":\"matrix\",\"step\":true}\n");

    assertThatThrownBy(() -> MetricsLog.read(fileSystem, file))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith("Line 3 of " + file + " is not the JSON of a training step");
  }

  @Test
  void aLineWithoutAStageIsNamed() throws IOException {
    Files.createDirectories(local.getParent());
    Files.writeString(local, "{\"step\":1,\"block_losses\":[]}\n");

    assertThatThrownBy(() -> MetricsLog.read(fileSystem, file))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("the field stage is missing");
  }

  @Test
  void aLogThatDoesNotExistHasNoSteps() {
    assertThat(MetricsLog.read(fileSystem, file)).isEmpty();
  }

  @Test
  void noChecksumFileIsLeftBesideTheLog() throws IOException {
    write(steps(StageKind.MATRIX, 1, 2, 5));

    try (var files = Files.list(local.getParent())) {
      assertThat(files).containsExactly(local);
    }
  }

  @Test
  void whereNothingCanBeAppendedTheFileIsReplacedAtEachFlush() throws IOException {
    fileSystem = ObjectStore.open();
    write(steps(StageKind.MATRIX, 1, 3, 5));
    MetricsLog log = MetricsLog.open(fileSystem, file);
    log.append(step(StageKind.MATRIX, 4, 5));

    assertThat(MetricsLog.read(fileSystem, file)).hasSize(3);
    log.flush();
    assertThat(MetricsLog.read(fileSystem, file)).hasSize(4);
    log.append(step(StageKind.MATRIX, 5, 5));
    log.close();
    assertThat(MetricsLog.read(fileSystem, file)).hasSize(5);
  }

  @Test
  void aFullDiskIsNamedWithTheFile() {
    MetricsLog log = MetricsLog.open(new FullDisk(0), file);

    assertThatThrownBy(
            () -> {
              log.append(step(StageKind.MATRIX, 1, 5));
              log.flush();
            })
        .isInstanceOf(InfrastructureException.class)
        .hasMessage(
            "Cannot write "
                + file
                + ": No space left on device. Check that the storage is there, writable and not"
                + " full.");
  }

  @Test
  void lineThatWasWrittenInPartIsCutOffAndTheNextOnesAreWhole() {
    FullDisk disk = new FullDisk(1000);
    MetricsLog log = MetricsLog.open(disk, file);
    log.append(step(StageKind.MATRIX, 1, 5));
    disk.makeRoom(40);
    assertThatThrownBy(() -> log.append(step(StageKind.MATRIX, 2, 5)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("No space left on device");
    assertThat(local).content().endsWith("\"t");

    disk.makeRoom(1000);
    steps(StageKind.MATRIX, 2, 3, 5).forEach(log::append);
    log.close();
    assertThat(MetricsLog.read(fileSystem, file))
        .extracting(StepMetrics::step)
        .containsExactly(1L, 2L, 3L);
  }

  @Test
  void eventForWhichThereIsNoRoomIsWrittenOnceThereIs() {
    RunEvent restart =
        new RunEvent(
            RunEvent.Kind.RESTART, "2026-01-01T00:01:00Z", "stage matrix", 1, 2, -1, 0, "Full.");
    FullDisk disk = new FullDisk(10);
    MetricsLog log = MetricsLog.open(disk, file);
    log.append(restart);
    log.append(restart);
    disk.makeRoom(1000);
    log.append(step(StageKind.MATRIX, 1, 5));
    log.close();

    assertThat(MetricsLog.readEvents(fileSystem, file)).containsExactly(restart, restart);
    assertThat(MetricsLog.read(fileSystem, file)).hasSize(1);
  }

  private void write(List<StepMetrics> steps) {
    try (MetricsLog log = MetricsLog.open(fileSystem, file)) {
      steps.forEach(log::append);
    }
  }

  private static List<StepMetrics> steps(StageKind stage, int from, int to, double loss) {
    return IntStream.rangeClosed(from, to).mapToObj(k -> step(stage, k, loss)).toList();
  }

  private static StepMetrics step(StageKind stage, long step, double loss) {
    return new StepMetrics(stage, step, 10, step * 8, loss, List.of(), 1, 1, 1, 0, 0, 0, 1, 0);
  }

  private static Tuple tuple(int step, double loss) {
    return Tuple.tuple((long) step, loss);
  }

  private static Tuple tuple(StageKind stage, int step) {
    return Tuple.tuple(stage, (long) step);
  }
}
