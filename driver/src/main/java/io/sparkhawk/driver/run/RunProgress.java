package io.sparkhawk.driver.run;

import io.sparkhawk.driver.launch.RunListener;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.TensorBoardLog;
import io.sparkhawk.executor.logging.LogPlace;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import java.time.InstantSource;
import java.util.Locale;
import java.util.Optional;

/** Tells a run on the console and keeps each step's figures in the run's folder. */
public final class RunProgress implements RunListener, AutoCloseable {

  private final ConsoleProgress console;
  private final RunFolder folder;
  private final TensorBoardLog tensorBoard;
  private final InstantSource clock;
  private Optional<MetricsLog> metrics = Optional.empty();

  /** Processes that train together, as the newest event said; 0 before the first one. */
  private int workers;

  /** The logs, which are closed with this, are opened only when there is something to keep. */
  public RunProgress(ConsoleProgress console, RunFolder folder) {
    this(console, folder, InstantSource.system());
  }

  RunProgress(ConsoleProgress console, RunFolder folder, InstantSource clock) {
    this.console = console;
    this.folder = folder;
    this.clock = clock;
    this.tensorBoard = folder.openTensorBoard();
  }

  @Override
  public void teacherEvaluated(Evaluation teacher) {
    console.message("Teacher: " + perplexity(teacher));
  }

  /** Tells what a person should know of, and keeps it all. */
  @Override
  public void runEvent(RunEvent event) {
    log().append(event);
    workers = event.workers();
    if (event.isNotable()) {
      console.message(event.sentence());
    }
  }

  @Override
  public void trainingStarted(String stage, long done) {
    LogPlace.reachStep(done);
    tensorBoard.start(stage, done);
    console.trainingStarted(stage, done);
  }

  /** Keeps what belongs to every run and nobody is told of. */
  private void keep(RunEvent.Kind kind, String work, long step, String sentence) {
    String now = clock.instant().toString();
    metrics.ifPresent(
        log -> log.append(new RunEvent(kind, now, work, step, workers, -1, 0, sentence)));
  }

  private MetricsLog log() {
    if (metrics.isEmpty()) {
      metrics = Optional.of(folder.openMetrics());
      keep(RunEvent.Kind.SESSION, "run", -1, "A process took up the run.");
    }
    return metrics.get();
  }

  @Override
  public void stageStarted(StageSettings stage, int number, int stages) {
    MetricsLog unused = log();
    console.stageStarted(stage, number, stages, folder.rowLength());
  }

  @Override
  public void stageSkipped(StageResult result) {
    console.message("Stage " + result.stage().label() + " was finished before");
  }

  @Override
  public void memoryPlanned(long needed, long available) {
    console.message(
        String.format(
            Locale.ROOT,
            "GPU memory: %.1f of %.1f GiB predicted",
            needed / (double) (1L << 30),
            available / (double) (1L << 30)));
  }

  @Override
  public void step(StepMetrics step) {
    metrics.ifPresent(log -> log.append(step));
    LogPlace.reachStep(step.step());
    tensorBoard.append(step);
    console.step(step);
  }

  /** No step that a checkpoint holds, and so is not made again, is missing in the metrics. */
  @Override
  public void checkpointReady(String stage, long step) {
    metrics.ifPresent(MetricsLog::flush);
    tensorBoard.flush();
  }

  @Override
  public void checkpointPublished(PublishedCheckpoint checkpoint) {
    keep(
        RunEvent.Kind.CHECKPOINT,
        "stage " + checkpoint.stage(),
        checkpoint.step(),
        "Checkpoint of step %s, %sB."
            .formatted(
                Figures.count(checkpoint.step()), Figures.shortCount((double) checkpoint.bytes())));
    console.checkpointPublished(checkpoint);
  }

  @Override
  public void stageEnded(StageResult result) {
    String stage = result.stage().label();
    keep(RunEvent.Kind.ENDED, "stage " + stage, -1, "Stage " + stage + " ended.");
    metrics.ifPresent(MetricsLog::flush);
    tensorBoard.end(result);
    console.stageEnded(result);
  }

  @Override
  public void studentEvaluated(Evaluation student) {
    metrics.ifPresent(MetricsLog::flush);
    console.message("Student: " + perplexity(student));
  }

  @Override
  public void comparisonFailed(RuntimeException failure) {
    console.message(
        "Teacher and student could not be compared; the report leaves that part out: "
            + failure.getMessage());
  }

  private static String perplexity(Evaluation evaluation) {
    return String.format(
        Locale.ROOT,
        "perplexity %.2f on %,d held-out tokens",
        evaluation.perplexity(),
        evaluation.tokens());
  }

  @Override
  public void close() {
    try (tensorBoard) {
      metrics.ifPresent(MetricsLog::close);
    }
  }
}
