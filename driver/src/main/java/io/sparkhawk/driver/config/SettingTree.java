package io.sparkhawk.driver.config;

import io.sparkhawk.data.error.Shortened;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A configuration as it was written, before any meaning is given to it: texts, lists and sections,
 * each with the place where it stands.
 */
sealed interface SettingTree {

  /** Where this stands, as a person would look for it: {@code line 3}, or a command-line option. */
  String place();

  /** What kind of thing this is, in words for a message. */
  String kind();

  /** A value in one piece. A key without a value is an absent text. */
  record Text(String text, boolean absent, String place) implements SettingTree {
    @Override
    public String kind() {
      return absent ? "nothing" : "'" + Shortened.of(text) + "'";
    }
  }

  /** Values in brackets or after dashes. */
  record Items(List<SettingTree> items, String place) implements SettingTree {
    public Items {
      items = List.copyOf(items);
    }

    @Override
    public String kind() {
      return "a list";
    }

    Items replacing(int index, SettingTree item) {
      var copy = new ArrayList<>(items);
      copy.set(index, item);
      return new Items(copy, place);
    }
  }

  /** Keys with their values, in the order in which they were written. */
  record Section(Map<String, SettingTree> entries, String place) implements SettingTree {
    public Section {
      entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
    }

    static Section empty(String place) {
      return new Section(Map.of(), place);
    }

    @Override
    public String kind() {
      return "a section";
    }

    Section with(String key, SettingTree value) {
      var copy = new LinkedHashMap<>(entries);
      copy.put(key, value);
      return new Section(copy, place);
    }
  }
}
