package io.sparkhawk.driver.config;

import io.sparkhawk.data.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with a configuration, so that a person hears of everything at once. */
public final class Problems {

  /** More than a person reads; a file that is not a configuration at all has no end of them. */
  private static final int MOST_LISTED = 100;

  private static final int LONGEST = 1000;

  private final String source;
  private final List<String> sentences = new ArrayList<>();
  private int count;

  private Problems(String source) {
    this.source = source;
  }

  /**
   * Starts an empty list.
   *
   * @param source what is being checked, as a person knows it, for example the name of the file
   */
  public static Problems in(String source) {
    return new Problems(source);
  }

  /**
   * Adds a problem of one setting.
   *
   * @param key the setting's path, for example {@code stages[0].tokens}
   * @param value the value that is refused
   * @param reason what is wrong with it and what is allowed
   */
  public void add(String key, Object value, String reason) {
    add(key + ": " + value + ": " + reason);
  }

  /** Adds a problem in a sentence of its own, which names the key. */
  public void add(String sentence) {
    count++;
    if (sentences.size() < MOST_LISTED) {
      sentences.add(
          sentence.length() <= LONGEST ? sentence : sentence.substring(0, LONGEST) + "...");
    }
  }

  /** Whether nothing is wrong so far. */
  public boolean isEmpty() {
    return sentences.isEmpty();
  }

  /** Throws everything that was added as one exception; does nothing if there was nothing. */
  public void throwIfAny() {
    if (sentences.size() == 1) {
      throw new ConfigurationException(source + ": " + sentences.get(0));
    }
    if (sentences.size() > 1) {
      throw new ConfigurationException(
          source
              + " has "
              + count
              + " problems:\n  - "
              + String.join("\n  - ", sentences)
              + (count > sentences.size() ? "\n  and more" : ""));
    }
  }
}
