package io.sparkhawk.driver.tab;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What a person should look at now, and what there was to look at before. */
final class Alarms {

  /** Older ones that are over are forgotten. */
  private static final int PAST = 5;

  /** How bad it is. */
  enum Severity {
    /** Training is not as it could be. */
    WARNING,
    /** What comes out is in danger. */
    ERROR
  }

  /**
   * An alarm.
   *
   * @param key what it is about; there is one alarm about it at a time
   * @param text what is wrong, with figures, and what to do
   * @param since when it was first seen
   * @param until when it was seen to be over, 0 while it is not
   */
  record Alarm(String key, Severity severity, String text, long since, long until) {}

  private final Map<String, Alarm> active = new LinkedHashMap<>();
  private final Deque<Alarm> past = new ArrayDeque<>();

  /**
   * Says whether something is wrong, as of a time.
   *
   * @param text is asked only where it is
   */
  void set(String key, boolean wrong, Severity severity, Supplier<String> text, long time) {
    Alarm before = active.get(key);
    if (wrong) {
      long since = before == null ? time : before.since();
      active.put(key, new Alarm(key, severity, text.get(), since, 0));
    } else if (before != null) {
      end(before, time);
    }
  }

  private void end(Alarm alarm, long time) {
    active.remove(alarm.key());
    past.addFirst(new Alarm(alarm.key(), alarm.severity(), alarm.text(), alarm.since(), time));
    if (past.size() > PAST) {
      past.removeLast();
    }
  }

  /** Ends those whose key begins so. */
  void clear(String prefix, long time) {
    for (Alarm alarm : List.copyOf(active.values())) {
      if (alarm.key().startsWith(prefix)) {
        end(alarm, time);
      }
    }
  }

  /** Those that are not over, oldest first. */
  Collection<Alarm> active() {
    return new ArrayList<>(active.values());
  }

  /** Those that are over, newest first. */
  Collection<Alarm> past() {
    return new ArrayList<>(past);
  }
}
