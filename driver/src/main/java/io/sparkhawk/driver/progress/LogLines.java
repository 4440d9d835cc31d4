package io.sparkhawk.driver.progress;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Makes a message of each line that is printed. */
final class LogLines extends OutputStream {

  private final Consumer<String> log;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();

  private LogLines(Consumer<String> log) {
    this.log = log;
  }

  /** A stream whose lines {@code log} gets, without their ends. */
  static PrintStream stream(Consumer<String> log) {
    return new PrintStream(new LogLines(log), true, StandardCharsets.UTF_8);
  }

  @Override
  public synchronized void write(int value) {
    if (value == '\n') {
      log.accept(line.toString(StandardCharsets.UTF_8).stripTrailing());
      line.reset();
    } else {
      line.write(value);
    }
  }
}
