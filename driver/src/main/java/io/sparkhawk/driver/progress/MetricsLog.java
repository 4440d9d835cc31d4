package io.sparkhawk.driver.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * The file {@code metrics.jsonl}: one JSON object per training step, in the order in which the
 * steps were taken, and among them one for each {@link RunEvent}, whose first field is {@code
 * event}.
 *
 * <p>The file is never edited. A run that resumes from a checkpoint repeats some steps, and appends
 * them again; like a tape, the log is rewound by a line whose stage and step it has passed: that
 * line supersedes its own step and everything that came after it. A line that was cut short by a
 * crash has no closing brace and does not count.
 *
 * <p>Where the file system can append (local disks, HDFS) a step is in the file when {@link
 * #append} returns. Where it cannot (object stores) lines are kept in memory, and {@link #flush},
 * which the caller invokes at checkpoints, replaces the whole file: a crash then loses the lines
 * since the last checkpoint, which are those of the steps that are trained again.
 *
 * <p>A line that could not be written whole is cut off before the next one is written.
 *
 * <p>Safe for use by several threads.
 */
public final class MetricsLog implements AutoCloseable {

  /** Name of the log in a run folder. */
  public static final String FILE_NAME = "metrics.jsonl";

  /** How the line of an event begins. */
  private static final String EVENT = "{\"event\":";

  private final Path file;
  private final LogFile lines;

  /** Events that could not be written yet, oldest first. */
  private final Deque<RunEvent> waiting = new ArrayDeque<>();

  private MetricsLog(Path file, LogFile lines) {
    this.file = file;
    this.lines = lines;
  }

  /**
   * Opens a log for appending; makes it if need be.
   *
   * @throws InfrastructureException if the file cannot be written
   */
  public static MetricsLog open(FileSystem fileSystem, Path file) {
    try {
      return new MetricsLog(file, LogFile.openLines(RunFiles.plain(fileSystem), file));
    } catch (IOException e) {
      throw RunFiles.unwritable(file, e);
    }
  }

  /**
   * Adds one step.
   *
   * @throws InfrastructureException if the file cannot be written
   */
  public synchronized void append(StepMetrics step) {
    try {
      writeWaiting();
      lines.add(line(step));
    } catch (IOException e) {
      throw RunFiles.unwritable(file, e);
    }
  }

  /**
   * Adds an event; later steps do not supersede it. One that cannot be written now, as the disk is
   * full say, which may be the very thing that it tells, is written before the next line that can
   * be.
   */
  public synchronized void append(RunEvent event) {
    waiting.add(event);
    try {
      writeWaiting();
    } catch (IOException e) {
      // It stays among those that wait; the next step, or the next checkpoint, says what is wrong.
      return;
    }
  }

  private void writeWaiting() throws IOException {
    while (!waiting.isEmpty()) {
      lines.add(line(waiting.peek()));
      waiting.remove();
    }
  }

  private static byte[] line(Object content) {
    return (JsonFormat.line(content) + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Makes all steps and events so far durable.
   *
   * @throws InfrastructureException if the file cannot be written
   */
  public synchronized void flush() {
    try {
      writeWaiting();
      lines.persist();
    } catch (IOException e) {
      throw RunFiles.unwritable(file, e);
    }
  }

  /**
   * Makes all steps and events durable and releases the file.
   *
   * @throws InfrastructureException if the file cannot be written
   */
  @Override
  public synchronized void close() {
    try (lines) {
      writeWaiting();
    } catch (IOException e) {
      throw RunFiles.unwritable(file, e);
    }
  }

  /**
   * The steps of a log that count, in order: for each stage of the run its steps, once. A log that
   * does not exist has none.
   *
   * @throws DataException if a complete line is not a step's JSON
   */
  public static List<StepMetrics> read(FileSystem fileSystem, Path file) {
    Tape tape = new Tape();
    readLines(
        fileSystem,
        file,
        (line, number) -> {
          if (!line.startsWith(EVENT)) {
            StepMetrics step = parse(line, StepMetrics.class, file, number);
            if (step.stage() == null) {
              throw malformed(file, number, "the field stage is missing", null);
            }
            tape.add(step);
          }
        });
    return List.copyOf(tape.steps);
  }

  /**
   * The events of a log, of all sessions of the run, in order. A log that does not exist has none.
   *
   * @throws DataException if a complete line that begins as one is not an event's JSON
   */
  public static List<RunEvent> readEvents(FileSystem fileSystem, Path file) {
    List<RunEvent> events = new ArrayList<>();
    readLines(
        fileSystem,
        file,
        (line, number) -> {
          if (line.startsWith(EVENT)) {
            events.add(parse(line, RunEvent.class, file, number));
          }
        });
    return List.copyOf(events);
  }

  /** Calls {@code reader} with each complete line and its number. */
  private static void readLines(
      FileSystem fileSystem, Path file, BiConsumer<String, Integer> reader) {
    String text =
        RunFiles.read(fileSystem, file)
            .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
            .orElse("");
    int number = 0;
    for (String line : (Iterable<String>) text.lines()::iterator) {
      number++;
      if (line.endsWith("}")) {
        reader.accept(line, number);
      }
    }
  }

  private static <T> T parse(String line, Class<T> type, Path file, int number) {
    try {
      return JsonFormat.read(line, type);
    } catch (JsonProcessingException e) {
      throw malformed(file, number, e.getOriginalMessage(), e);
    }
  }

  private static DataException malformed(Path file, int number, String reason, Throwable cause) {
    return new DataException(
        "Line "
            + number
            + " of "
            + file
            + " is not the JSON of a training step or an event: "
            + reason
            + ". Remove the line; checkpoints do not depend on it.",
        cause);
  }

  /** Steps in the order of their lines, without those that a later line supersedes. */
  private static final class Tape {
    private final List<StepMetrics> steps = new ArrayList<>();
    private final Set<StageKind> stages = EnumSet.noneOf(StageKind.class);

    void add(StepMetrics step) {
      if (!stages.add(step.stage())) {
        rewindTo(step);
      }
      steps.add(step);
    }

    private void rewindTo(StepMetrics step) {
      int end = steps.size();
      while (end > 0 && !isBefore(steps.get(end - 1), step)) {
        end--;
      }
      if (end == 0) {
        // The stage begins again: whatever came before its first line stays.
        while (steps.get(end).stage() != step.stage()) {
          end++;
        }
      }
      steps.subList(end, steps.size()).clear();
    }

    private static boolean isBefore(StepMetrics earlier, StepMetrics step) {
      return earlier.stage() == step.stage() && earlier.step() < step.step();
    }
  }
}
