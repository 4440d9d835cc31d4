package io.sparkhawk.driver.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StageResult;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * What a run came to, as {@code summary.json} says it to people and to scripts.
 *
 * @param run name of the run
 * @param workers processes that trained together
 * @param seqLen tokens of one training sequence
 * @param teacherPerplexity the teacher on the held-out rows
 * @param studentInitialPerplexity the student before its first stage; NaN if no stage was run
 * @param stages the stages in their order
 * @param studentPerplexity the finished student on the same held-out rows as the teacher
 * @param perplexityTokens held-out tokens behind the teacher's and the finished student's
 *     perplexity
 * @param tokens tokens trained on, over all stages
 * @param tokensPerSecond those tokens over the stages' training time
 * @param wallSeconds time of the run's last session, with start-up, evaluation and export; NaN if
 *     the run has not ended
 * @param restarts how often work was started again after a failure, over all sessions of the run
 * @param lostSeconds training time that those restarts threw away, from the newest checkpoint to
 *     the moment at which training went on from it
 * @param skippedSteps steps whose update was left out because their loss or gradient was not finite
 * @param events restarts, numbers of workers, stragglers and checkpoints in their order, of all
 *     sessions
 */
public record RunSummary(
    String run,
    int workers,
    int seqLen,
    double teacherPerplexity,
    double studentInitialPerplexity,
    List<Stage> stages,
    double studentPerplexity,
    long perplexityTokens,
    long tokens,
    double tokensPerSecond,
    double wallSeconds,
    int restarts,
    double lostSeconds,
    long skippedSteps,
    List<RunEvent> events) {

  /** Name of the summary in a run folder. */
  public static final String FILE_NAME = "summary.json";

  public RunSummary {
    Objects.requireNonNull(run, "run");
    stages = List.copyOf(stages);
    events = events == null ? List.of() : List.copyOf(events); // Older summaries have none.
  }

  /**
   * One stage.
   *
   * @param name the stage
   * @param tokens tokens trained on
   * @param firstLoss loss of the first step
   * @param lastLoss mean loss of the last tenth of the steps
   * @param perplexity the student on held-out rows after the stage
   * @param perplexityTokens held-out tokens behind that perplexity
   * @param seconds training time, without start-up and evaluation
   * @param skippedSteps steps whose update was left out
   * @param sentBytes bytes that a worker sent to the next one in the ring during the steps, in the
   *     mean of the workers; what NCCL carries between GPUs is not among them
   */
  public record Stage(
      StageKind name,
      long tokens,
      double firstLoss,
      double lastLoss,
      double perplexity,
      long perplexityTokens,
      double seconds,
      long skippedSteps,
      long sentBytes) {

    public Stage {
      Objects.requireNonNull(name, "name");
    }

    private static Stage of(StageResult result) {
      return new Stage(
          result.stage(),
          result.tokens(),
          result.firstLoss(),
          result.lastLoss(),
          result.after().perplexity(),
          result.after().tokens(),
          result.seconds(),
          result.skippedSteps(),
          result.sentBytes());
    }
  }

  /** Starts a summary of the run of that name. */
  public static Builder of(String run) {
    return new Builder(run);
  }

  /**
   * Writes {@code summary.json}, replacing an earlier one.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if it cannot be written
   */
  public void write(FileSystem fileSystem, Path file) {
    RunFiles.write(fileSystem, file, JsonFormat.pretty(this).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads {@code summary.json}.
   *
   * @throws DataException if it is missing or not a summary
   */
  public static RunSummary read(FileSystem fileSystem, Path file) {
    byte[] json =
        RunFiles.read(fileSystem, file)
            .orElseThrow(
                () ->
                    new DataException(
                        "There is no " + file + ": the run is not finished, or it is elsewhere."));
    try {
      return JsonFormat.read(new String(json, StandardCharsets.UTF_8), RunSummary.class);
    } catch (JsonProcessingException e) {
      throw new DataException(
          file + " is not the summary of a run: " + e.getOriginalMessage() + ".", e);
    }
  }

  /** Collects the parts of a summary; sums and rates are made from the stages. */
  public static final class Builder {
    private final String run;
    private int workers = 1;
    private int seqLen;
    private double teacherPerplexity = Double.NaN;
    private double studentPerplexity = Double.NaN;
    private long perplexityTokens;
    private List<StageResult> stages = List.of();
    private double wallSeconds = Double.NaN;
    private List<RunEvent> events = List.of();

    private Builder(String run) {
      this.run = run;
    }

    /** Processes that trained together; 1 unless set. */
    public Builder workers(int workers) {
      this.workers = workers;
      return this;
    }

    /** Tokens of one training sequence. */
    public Builder seqLen(int seqLen) {
      this.seqLen = seqLen;
      return this;
    }

    /**
     * Perplexities of the teacher and the finished student, and the held-out tokens behind them.
     */
    public Builder perplexities(double teacher, double student, long heldOutTokens) {
      this.teacherPerplexity = teacher;
      this.studentPerplexity = student;
      this.perplexityTokens = heldOutTokens;
      return this;
    }

    /** The stages in their order, those of earlier sessions of a resumed run too. */
    public Builder stages(List<StageResult> stages) {
      this.stages = List.copyOf(stages);
      return this;
    }

    /** Time of the session that ended the run, with start-up, evaluation and export. */
    public Builder wallTime(Duration wallTime) {
      this.wallSeconds = wallTime.toMillis() / 1e3;
      return this;
    }

    /** What happened to the run, in all its sessions. */
    public Builder events(List<RunEvent> events) {
      this.events = List.copyOf(events);
      return this;
    }

    public RunSummary build() {
      long tokens = stages.stream().mapToLong(StageResult::tokens).sum();
      double training = stages.stream().mapToDouble(StageResult::seconds).sum();
      return new RunSummary(
          run,
          workers,
          seqLen,
          teacherPerplexity,
          stages.isEmpty() ? Double.NaN : stages.get(0).before().perplexity(),
          stages.stream().map(Stage::of).toList(),
          studentPerplexity,
          perplexityTokens,
          tokens,
          training > 0 ? tokens / training : Double.NaN,
          wallSeconds,
          (int) events.stream().filter(e -> e.event() == RunEvent.Kind.RESTART).count(),
          events.stream().mapToDouble(RunEvent::lostSeconds).sum(),
          stages.stream().mapToLong(StageResult::skippedSteps).sum(),
          events);
    }
  }
}
