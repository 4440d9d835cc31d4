package io.sparkhawk.driver.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.IOUtils;

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
  private final Sink sink;

  /** Events that could not be written yet, oldest first. */
  private final Deque<RunEvent> waiting = new ArrayDeque<>();

  private MetricsLog(Path file, Sink sink) {
    this.file = file;
    this.sink = sink;
  }

  /**
   * Opens a log for appending; makes it if need be.
   *
   * @throws InfrastructureException if the file cannot be written
   */
  public static MetricsLog open(FileSystem fileSystem, Path file) {
    FileSystem plain = RunFiles.plain(fileSystem);
    try {
      boolean appends = plain.hasPathCapability(file, CommonPathCapabilities.FS_APPEND);
      Sink sink = appends ? AppendedFile.open(plain, file) : ReplacedFile.open(plain, file);
      return new MetricsLog(file, sink);
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
      sink.add(line(step));
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
      sink.add(line(waiting.peek()));
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
      sink.persist();
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
    try (sink) {
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

  /** Where lines go. */
  private interface Sink extends Closeable {
    void add(byte[] line) throws IOException;

    void persist() throws IOException;
  }

  private static final class AppendedFile implements Sink {

    private final FileSystem fileSystem;
    private final Path file;
    private FSDataOutputStream out;

    /** Bytes of the file that are whole lines. */
    private long whole;

    /** Whether the stream may hold, and the file end with, a part of a line. */
    private boolean broken;

    private AppendedFile(FileSystem fileSystem, Path file, FSDataOutputStream out, long whole) {
      this.fileSystem = fileSystem;
      this.file = file;
      this.out = out;
      this.whole = whole;
    }

    static AppendedFile open(FileSystem fileSystem, Path file) throws IOException {
      if (!fileSystem.exists(file)) {
        return new AppendedFile(fileSystem, file, fileSystem.create(file, false), 0);
      }
      long length = fileSystem.getFileStatus(file).getLen();
      boolean cutShort = !endsWithNewline(fileSystem, file, length);
      AppendedFile opened = new AppendedFile(fileSystem, file, fileSystem.append(file), length);
      if (cutShort) {
        opened.add(new byte[] {'\n'});
      }
      return opened;
    }

    private static boolean endsWithNewline(FileSystem fileSystem, Path file, long length)
        throws IOException {
      if (length == 0) {
        return true;
      }
      try (FSDataInputStream in = fileSystem.open(file)) {
        in.seek(length - 1);
        return in.read() == '\n';
      }
    }

    @Override
    public void add(byte[] line) throws IOException {
      mend();
      broken = true;
      out.write(line);
      out.hflush();
      broken = false;
      whole += line.length;
    }

    @Override
    public void persist() throws IOException {
      mend();
      out.hsync();
    }

    @Override
    public void close() throws IOException {
      mend();
      out.close();
    }

    /** After a failed write: a new stream, behind the last line that is whole. */
    private void mend() throws IOException {
      if (!broken) {
        return;
      }
      IOUtils.closeStream(out); // It may write what it still holds, or fail to once more.
      if (fileSystem.getFileStatus(file).getLen() > whole) {
        fileSystem.truncate(file, whole);
      }
      out = fileSystem.append(file);
      broken = false;
    }
  }

  private record ReplacedFile(FileSystem fileSystem, Path file, ByteArrayOutputStream content)
      implements Sink {

    static ReplacedFile open(FileSystem fileSystem, Path file) {
      ByteArrayOutputStream content = new ByteArrayOutputStream();
      byte[] existing = RunFiles.read(fileSystem, file).orElse(new byte[0]);
      content.writeBytes(existing);
      if (existing.length > 0 && existing[existing.length - 1] != '\n') {
        content.write('\n');
      }
      return new ReplacedFile(fileSystem, file, content);
    }

    @Override
    public void add(byte[] line) {
      content.writeBytes(line);
    }

    @Override
    public void persist() throws IOException {
      try (FSDataOutputStream out = fileSystem.create(file, true)) {
        content.writeTo(out);
      }
    }

    @Override
    public void close() throws IOException {
      persist();
    }
  }
}
