package io.sparkhawk.executor.evaluate;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.Storage;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * The examples of one file of JSON lines, all of one kind.
 *
 * @param name the file's name without its ending
 * @param examples at least one, in the order of the file
 */
public record Task(String name, TaskKind kind, List<Example> examples) {

  public Task {
    examples = List.copyOf(examples);
  }

  /**
   * Reads a file. Blank lines are passed over; the kind is that of the first line.
   *
   * @throws DataException if the file is missing or empty, or a line is malformed or of another
   *     kind than the first
   */
  public static Task read(Configuration hadoop, String file) {
    Path path = Storage.path(file);
    byte[] content = Storage.of(hadoop, path).read(path, "The task file");
    return parse(content, file);
  }

  /** As {@link #read}, from the content of the file. */
  static Task parse(byte[] content, String file) {
    List<Example> examples = new ArrayList<>();
    TaskKind kind = null;
    int line = 1;
    for (int start = 0, end; start < content.length; start = end + 1, line++) {
      end = endOfLine(content, start);
      if (!isBlank(content, start, end)) {
        ExampleParser parser =
            ExampleParser.of(content, start, end, "Line " + line + " of " + file);
        kind = kind == null ? parser.kind() : kind;
        examples.add(parser.example(kind));
      }
    }
    if (kind == null) {
      throw new DataException("The task file " + file + " has no examples. Check the path.");
    }
    return new Task(name(file), kind, examples);
  }

  private static int endOfLine(byte[] content, int start) {
    int end = start;
    while (end < content.length && content[end] != '\n') {
      end++;
    }
    return end;
  }

  private static boolean isBlank(byte[] content, int start, int end) {
    for (int i = start; i < end; i++) {
      if (content[i] != ' ' && content[i] != '\t' && content[i] != '\r') {
        return false;
      }
    }
    return true;
  }

  private static String name(String file) {
    String name = file.substring(file.lastIndexOf('/') + 1);
    int dot = name.indexOf('.');
    return dot > 0 ? name.substring(0, dot) : name;
  }
}
