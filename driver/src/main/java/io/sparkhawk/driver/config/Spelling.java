package io.sparkhawk.driver.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds the known name that a misspelt one was meant to be. */
final class Spelling {

  private static final int LONGEST = 100;

  private Spelling() {}

  /** The known name with the fewest edits from {@code name}, if those are few for its length. */
  static Optional<String> nearest(String name, Collection<String> known) {
    if (name.length() > LONGEST) {
      return Optional.empty();
    }
    int most = Math.max(2, name.length() / 3);
    return known.stream()
        .filter(candidate -> edits(name, candidate) <= most)
        .min(Comparator.comparingInt(candidate -> edits(name, candidate)));
  }

  /** Levenshtein distance: insertions, deletions and replacements of single characters. */
  private static int edits(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
