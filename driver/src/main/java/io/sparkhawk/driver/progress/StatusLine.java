package io.sparkhawk.driver.progress;

import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;

/**
 * One line of state. In a terminal it stays at the bottom and is redrawn in place; elsewhere (a
 * file, a scheduler's log) it is written anew now and then.
 */
final class StatusLine {

  private static final Duration REDRAW = Duration.ofMillis(100);
  private static final Duration REPEAT = Duration.ofSeconds(10);
  private static final int MIN_BAR = 8;
  private static final int MAX_BAR = 30;

  // Wrapping is off while the line is drawn: in a narrow window its end is cut, and it stays one
  // line.
  private static final String ERASE = "\r\033[K";
  private static final String WRAP_OFF = "\033[?7l";
  private static final String WRAP_ON = "\033[?7h";

  private final PrintStream out;
  private final boolean terminal;
  private final int columns;
  private final InstantSource clock;

  private String title = "";
  private String drawn = "";
  private int barWidth = MAX_BAR;
  private Instant lastShown = Instant.MIN;

  StatusLine(PrintStream out, boolean terminal, int columns, InstantSource clock) {
    this.out = out;
    this.terminal = terminal;
    this.columns = columns;
    this.clock = clock;
  }

  /** Begins a new activity; the line of the one before, if it is still there, is erased. */
  void start(String title) {
    erase();
    this.title = title;
    this.drawn = "";
    this.barWidth = MAX_BAR;
    this.lastShown = terminal ? Instant.MIN : clock.instant();
  }

  /**
   * Shows the state if the last one is old enough.
   *
   * @param fraction of the work that is done, 0 to 1; NaN if that is not known
   * @param details what else there is to say, most important first
   * @param last whether no further state of this activity will follow; it is shown in any case
   */
  void show(double fraction, List<String> details, boolean last) {
    Instant now = clock.instant();
    Duration pause = terminal ? REDRAW : REPEAT;
    if (!last && lastShown.isAfter(Instant.MIN) && now.isBefore(lastShown.plus(pause))) {
      return;
    }
    lastShown = now;
    if (terminal) {
      draw(line(fraction, details));
    } else {
      out.println(title + ": " + String.join(", ", details));
      out.flush();
    }
  }

  /** Writes a line for good, above the state. */
  void print(String line) {
    String state = drawn;
    erase();
    out.println(line);
    if (!state.isEmpty()) {
      draw(state);
    }
    out.flush();
  }

  /** Ends the activity; its state gives way to {@code line}. */
  void finish(String line) {
    erase();
    out.println(line);
    out.flush();
  }

  /** Ends an activity that did not come to its end: its last state stays, on a line of its own. */
  void leave() {
    if (!drawn.isEmpty()) {
      out.println();
      out.flush();
      drawn = "";
    }
  }

  private void erase() {
    if (!drawn.isEmpty()) {
      out.print(ERASE);
      drawn = "";
    }
  }

  private void draw(String line) {
    out.print(ERASE + WRAP_OFF + line + WRAP_ON);
    out.flush();
    drawn = line;
  }

  private String line(double fraction, List<String> details) {
    String text = String.join("  ", details);
    if (Double.isNaN(fraction)) {
      return title + "  " + text;
    }
    int room = columns - title.length() - text.length() - 6;
    // It only shrinks, so that the line does not twitch as numbers change their length.
    barWidth = Math.max(MIN_BAR, Math.min(barWidth, room));
    return title + "  " + bar(fraction, barWidth) + "  " + text;
  }

  private static String bar(double fraction, int width) {
    int full = (int) Math.floor(Math.max(0, Math.min(1, fraction)) * width);
    String head = full > 0 && full < width ? ">" : "";
    return "[" + "=".repeat(full - head.length()) + head + " ".repeat(width - full) + "]";
  }
}
