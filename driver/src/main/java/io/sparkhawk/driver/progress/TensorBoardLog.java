package io.sparkhawk.driver.progress;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * The steps of a run as TensorBoard reads them: for each stage a folder with event files, which
 * TensorBoard shows as a run of its own under the stage's name.
 *
 * <p>A file is never edited, and each session of a run writes files of its own, whose names sort
 * after those that are there. Training that begins or goes on says so by a {@code SessionLog} with
 * the first step that follows: TensorBoard then forgets what it knows of that step and later ones,
 * which a run that resumes from a checkpoint makes again.
 *
 * <p>Steps are in the file as soon as {@link MetricsLog}'s lines are in theirs. Safe for use by
 * several threads.
 */
public final class TensorBoardLog implements AutoCloseable {

  /** Name of the folder in a run folder. */
  public static final String FOLDER_NAME = "tensorboard";

  private static final Pattern FILE_NAME =
      Pattern.compile("events\\.out\\.tfevents\\.(\\d{10})\\.sparkhawk");

  private final FileSystem files;
  private final Path folder;
  private final InstantSource clock;
  private String stage = "";
  private long lastStep;
  private Optional<LogFile> file = Optional.empty();

  private TensorBoardLog(FileSystem files, Path folder, InstantSource clock) {
    this.files = files;
    this.folder = folder;
    this.clock = clock;
  }

  /**
   * A log below {@code folder}; nothing is written before the first {@link #start}.
   *
   * @param clock tells the time of each step
   */
  public static TensorBoardLog in(FileSystem files, Path folder, InstantSource clock) {
    return new TensorBoardLog(RunFiles.plain(files), folder, clock);
  }

  /**
   * Notes that a stage's training begins, or goes on.
   *
   * @param stage the stage's name
   * @param done steps that were made before
   * @throws InfrastructureException if nothing can be written
   */
  public synchronized void start(String stage, long done) {
    if (file.isEmpty() || !stage.equals(this.stage)) {
      close();
      file = Optional.of(newFile(stage));
      this.stage = stage;
      add(EventRecord.fileVersion(clock.instant()));
    }
    lastStep = done;
    add(EventRecord.sessionStart(clock.instant(), done + 1));
  }

  /**
   * Adds a step of the stage that was started last.
   *
   * @throws InfrastructureException if it cannot be written
   */
  public synchronized void append(StepMetrics step) {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("loss", step.loss());
    values.put("gradient_norm", step.gradientNorm());
    values.put("learning_rate", step.learningRate());
    double training = step.seconds() - step.checkpointSeconds();
    values.put("tokens_per_second", (double) step.tokens() / step.step() / training);
    values.put("seconds/step", step.seconds());
    values.put("seconds/compute", step.computeSeconds());
    values.put("seconds/wait", step.waitSeconds());
    values.put("seconds/data", step.dataSeconds());
    values.put("seconds/checkpoint", step.checkpointSeconds());
    values.put("skipped_steps", (double) step.skippedSteps());
    for (int block = 0; block < step.blockLosses().size(); block++) {
      double loss = step.blockLosses().get(block);
      if (!Double.isNaN(loss)) { // A block that keeps its attention has none.
        values.put("block_loss/" + block, loss);
      }
    }
    lastStep = step.step();
    add(EventRecord.scalars(clock.instant(), lastStep, values));
  }

  /**
   * Adds what the student's held-out perplexity was before and after the stage that was started
   * last, and makes everything durable.
   *
   * @throws InfrastructureException if it cannot be written
   */
  public synchronized void end(StageResult result) {
    perplexity(result.before(), 0);
    perplexity(result.after(), lastStep);
    flush();
  }

  private void perplexity(Evaluation evaluation, long step) {
    add(
        EventRecord.scalars(
            clock.instant(), step, Map.of("held_out_perplexity", evaluation.perplexity())));
  }

  /**
   * Makes all steps so far durable.
   *
   * @throws InfrastructureException if they cannot be written
   */
  public synchronized void flush() {
    if (file.isPresent()) {
      try {
        file.get().persist();
      } catch (IOException e) {
        throw RunFiles.unwritable(folder, e);
      }
    }
  }

  /** Makes all steps durable and releases the file. */
  @Override
  public synchronized void close() {
    Optional<LogFile> open = file;
    file = Optional.empty();
    if (open.isPresent()) {
      try {
        open.get().close();
      } catch (IOException e) {
        throw RunFiles.unwritable(folder, e);
      }
    }
  }

  private void add(byte[] entry) {
    try {
      file.orElseThrow(() -> new IllegalStateException("no stage has been started")).add(entry);
    } catch (IOException e) {
      throw RunFiles.unwritable(folder, e);
    }
  }

  /** TensorBoard reads a folder's files in the order of their names, by convention of seconds. */
  private LogFile newFile(String stage) {
    Path stageFolder = new Path(folder, stage);
    try {
      long seconds = Math.max(clock.instant().getEpochSecond(), newest(stageFolder) + 1);
      String name = "events.out.tfevents.%010d.sparkhawk".formatted(seconds);
      return LogFile.create(files, new Path(stageFolder, name));
    } catch (IOException e) {
      throw RunFiles.unwritable(stageFolder, e);
    }
  }

  /** Seconds in the name of the newest file; 0 if there is none. */
  private long newest(Path stageFolder) throws IOException {
    long newest = Instant.EPOCH.getEpochSecond();
    try {
      for (FileStatus status : files.listStatus(stageFolder)) {
        Matcher name = FILE_NAME.matcher(status.getPath().getName());
        if (name.matches()) {
          newest = Math.max(newest, Long.parseLong(name.group(1)));
        }
      }
    } catch (FileNotFoundException e) {
      return newest;
    }
    return newest;
  }
}
