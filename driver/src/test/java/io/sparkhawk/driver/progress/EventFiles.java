package io.sparkhawk.driver.progress;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.tensorflow.framework.Summary;
import org.tensorflow.hadoop.util.TFRecordReader;
import org.tensorflow.util.Event;
import org.tensorflow.util.SessionLog.SessionStatus;

/** Reads TensorBoard event files with TensorFlow's own record reader and messages. */
public final class EventFiles {

  static {
    // The messages are older than this protobuf, which warns of what a hostile file could do.
    System.setProperty("com.google.protobuf.use_unsafe_pre22_gencode", "true");
  }

  private EventFiles() {}

  /** All records of a folder, in the order in which TensorBoard reads them. */
  public static List<Event> events(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> entries = Files.list(folder)) {
      files = entries.filter(file -> file.toString().contains("tfevents")).sorted().toList();
    }
    List<Event> events = new ArrayList<>();
    for (Path file : files) {
      try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
        TFRecordReader reader = new TFRecordReader(in, true);
        for (byte[] entry = reader.read(); entry != null; entry = reader.read()) {
          events.add(Event.parseFrom(entry));
        }
      }
    }
    return events;
  }

  /**
   * What TensorBoard shows of a tag, by step: a session's start purges its step and all later ones.
   */
  public static NavigableMap<Long, Float> scalars(Path folder, String tag) throws IOException {
    NavigableMap<Long, Float> shown = new TreeMap<>();
    for (Event event : events(folder)) {
      if (event.getSessionLog().getStatus() == SessionStatus.START) {
        shown.tailMap(event.getStep(), true).clear();
      }
      for (Summary.Value value : event.getSummary().getValueList()) {
        if (value.getTag().equals(tag)) {
          shown.put(event.getStep(), value.getSimpleValue());
        }
      }
    }
    return shown;
  }
}
