package io.sparkhawk.driver.progress;

import io.sparkhawk.executor.logging.LogFormat;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.train.TrainingListener;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells a person how a run goes. There is one activity at a time: a stage of training, or any other
 * work with a title. In a terminal it is one steady line with a bar; elsewhere plain lines, every
 * ten seconds and at the end.
 *
 * <p>Safe for use by several threads. {@link #close} ends the line of an activity that failed, so
 * that an error message starts on a line of its own.
 */
public final class ConsoleProgress implements TrainingListener, AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ConsoleProgress.class);

  private static final Duration RATE_WINDOW = Duration.ofSeconds(30);

  /**
   * Environment variable with the width of the terminal in characters. A JVM cannot tell on its own
   * whether it writes to a terminal, and how wide that is; the launcher can.
   */
  public static final String COLUMNS_VARIABLE = "SPARKHAWK_COLUMNS";

  private final StatusLine line;
  private final InstantSource clock;
  private RecentRate rate = new RecentRate(RATE_WINDOW);
  private DataWait dataWait = new DataWait();

  /** How long the stage stood still for checkpoints: no time in which tokens could be counted. */
  private double stalledSeconds;

  private ConsoleProgress(StatusLine line, InstantSource clock) {
    this.line = line;
    this.clock = clock;
  }

  /**
   * Progress for whoever started this process: a redrawn line if the launcher found a terminal and
   * left its width in {@link #COLUMNS_VARIABLE}, plain lines if not, and lines of the log if that
   * is for programs.
   */
  public static ConsoleProgress forThisProcess(PrintStream out) {
    if (LogFormat.current() == LogFormat.JSON) {
      return of(LogLines.stream(LOG::info), false, 0, InstantSource.system());
    }
    int columns = columns(System.getenv());
    return of(out, columns > 0, columns, InstantSource.system());
  }

  /** Width of the terminal; 0 if there is none. */
  static int columns(Map<String, String> environment) {
    String columns = environment.getOrDefault(COLUMNS_VARIABLE, "");
    return columns.matches("[1-9][0-9]{0,3}") ? Integer.parseInt(columns) : 0;
  }

  /**
   * Progress on any stream.
   *
   * @param out where to write
   * @param terminal whether {@code out} understands carriage returns and ANSI sequences
   * @param columns width of the terminal in characters
   * @param clock tells the time
   */
  public static ConsoleProgress of(
      PrintStream out, boolean terminal, int columns, InstantSource clock) {
    return new ConsoleProgress(new StatusLine(out, terminal, columns, clock), clock);
  }

  /** Writes one line that stays. */
  public synchronized void message(String text) {
    line.print(text);
  }

  /**
   * Begins an activity that is not a stage (preparing, evaluating, exporting ...).
   *
   * @param title a word or two
   * @param announcement a line that says what is going to happen
   */
  public synchronized void begin(String title, String announcement) {
    line.start(title);
    line.print(announcement);
  }

  /**
   * Says how far the activity is. May be called as often as one likes.
   *
   * @param fraction of the work that is done, 0 to 1; NaN if that is not known
   * @param details what else there is to say, each with its unit, most important first
   */
  public synchronized void advance(double fraction, String... details) {
    line.show(fraction, List.of(details), false);
  }

  /** Ends the activity with a line that says what came out. */
  public synchronized void end(String outcome) {
    line.finish(outcome);
  }

  /**
   * Begins a stage and says how many steps its tokens make.
   *
   * @param stage what is trained
   * @param number place of the stage in the run, from 1
   * @param stages stages of the run
   * @param seqLen tokens of one sequence
   */
  public synchronized void stageStarted(StageSettings stage, int number, int stages, int seqLen) {
    rate = new RecentRate(RATE_WINDOW);
    dataWait = new DataWait();
    stalledSeconds = 0;
    line.start(name(stage.name()));
    line.print(
        String.format(
            Locale.ROOT,
            "stage %d of %d, %s: %,d tokens at %,d tokens (%,d sequences of %,d) per step = %,d"
                + " steps",
            number,
            stages,
            name(stage.name()),
            stage.tokens(),
            stage.batchTokens(),
            stage.batchTokens() / seqLen,
            seqLen,
            stage.steps()));
  }

  /** Shows a step of the stage that was started last. */
  @Override
  public synchronized void step(StepMetrics step) {
    dataWait.add(step);
    stalledSeconds += step.checkpointSeconds();
    Instant now = clock.instant().minusNanos((long) (stalledSeconds * 1e9));
    double stepTokens = (double) step.tokens() / step.step();
    if (rate.isEmpty()) {
      double training = step.seconds() - step.checkpointSeconds();
      rate.add(now.minusNanos((long) (training * 1e9)), step.tokens() - stepTokens);
    }
    rate.add(now, (double) step.tokens());

    double tokensPerSecond = rate.perSecond();
    List<String> details = new ArrayList<>();
    details.add(Figures.count(step.step()) + "/" + Figures.count(step.steps()));
    details.add(Figures.shortCount((double) step.tokens()) + " tokens");
    details.add(
        "loss " + (Double.isFinite(step.loss()) ? Figures.measure(step.loss()) : "not finite"));
    if (step.skippedSteps() > 0) {
      details.add(Figures.count(step.skippedSteps()) + " skipped");
    }
    if (Double.isFinite(tokensPerSecond)) {
      details.add(Figures.count(Math.round(tokensPerSecond)) + " tokens/s");
      double remaining = (step.steps() - step.step()) * stepTokens;
      details.add(Figures.clock(remaining / tokensPerSecond) + " left");
    }
    line.show((double) step.step() / step.steps(), details, step.step() == step.steps());
  }

  /** Steps that are made again do not count as speed. */
  @Override
  public synchronized void trainingStarted(String stage, long done) {
    rate = new RecentRate(RATE_WINDOW);
  }

  @Override
  public synchronized void checkpointPublished(PublishedCheckpoint checkpoint) {
    line.print(
        String.format(
            Locale.ROOT,
            "checkpoint %s, step %,d: %s",
            checkpoint.stage(),
            checkpoint.step(),
            checkpoint.location()));
  }

  /** Ends a stage with what it came to. */
  public synchronized void stageEnded(StageResult result) {
    line.finish(
        name(result.stage())
            + " done: "
            + Figures.count(result.tokens())
            + " tokens in "
            + Figures.duration(result.seconds())
            + ", loss "
            + Figures.measure(result.firstLoss())
            + " to "
            + Figures.measure(result.lastLoss())
            + ", perplexity "
            + Figures.measure(result.before().perplexity())
            + " to "
            + Figures.measure(result.after().perplexity())
            + " ("
            + Figures.count(result.after().tokens())
            + " held-out tokens)");
    dataWait.warning().ifPresent(text -> line.print(name(result.stage()) + ": " + text));
  }

  /** Leaves the console in order, whatever happened; writes nothing if nothing is under way. */
  @Override
  public synchronized void close() {
    line.leave();
  }

  private static String name(StageKind stage) {
    return stage.name().toLowerCase(Locale.ROOT);
  }
}
