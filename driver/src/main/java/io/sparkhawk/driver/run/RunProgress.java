package io.sparkhawk.driver.run;

import io.sparkhawk.driver.launch.RunListener;
import io.sparkhawk.driver.progress.ConsoleProgress;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.TensorBoardLog;
import io.sparkhawk.executor.logging.LogPlace;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import java.util.Locale;
import java.util.Optional;

/** Tells a run on the console and keeps each step's figures in the run's folder. */
public final class RunProgress implements RunListener, AutoCloseable {

  private final ConsoleProgress console;
  private final RunFolder folder;
  private final TensorBoardLog tensorBoard;
  private Optional<MetricsLog> metrics = Optional.empty();

  /** The logs, which are closed with this, are opened only when there is something to keep. */
  public RunProgress(ConsoleProgress console, RunFolder folder) {
    this.console = console;
    this.folder = folder;
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
    if (event.event() != RunEvent.Kind.TRAINING || event.step() > 0 || event.lostSeconds() > 0) {
      console.message(event.sentence());
    }
  }

  @Override
  public void trainingStarted(String stage, long done) {
    LogPlace.reachStep(done);
    tensorBoard.start(stage, done);
    console.trainingStarted(stage, done);
  }

  private MetricsLog log() {
    if (metrics.isEmpty()) {
      metrics = Optional.of(folder.openMetrics());
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
    console.checkpointPublished(checkpoint);
  }

  @Override
  public void stageEnded(StageResult result) {
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
