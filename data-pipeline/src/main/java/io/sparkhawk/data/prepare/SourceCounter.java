package io.sparkhawk.data.prepare;

import io.sparkhawk.data.shard.SourceCount;
import java.util.Map;
import java.util.TreeMap;

/**
 * Counts by source. Sources past a hundred are counted together, so that a column with another
 * value in every document does not swell the manifest.
 */
final class SourceCounter {

  /** The name under which documents without a source are counted. */
  static final String UNNAMED = "(none)";

  /** The name under which the sources past the hundredth are counted. */
  static final String OTHERS = "(others)";

  private static final int MAX_SOURCES = 100;

  private final Map<String, SourceCount> counts = new TreeMap<>();

  /** Adds to a source, and returns the name under which it is counted. */
  String add(String source, SourceCount count) {
    String name = source.isEmpty() ? UNNAMED : source;
    boolean known = counts.containsKey(name) || counts.size() < MAX_SOURCES;
    String counted = known ? name : OTHERS;
    counts.merge(counted, count, SourceCount::plus);
    return counted;
  }

  Map<String, SourceCount> counts() {
    return new TreeMap<>(counts);
  }
}
