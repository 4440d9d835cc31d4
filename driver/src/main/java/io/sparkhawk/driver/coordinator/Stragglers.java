package io.sparkhawk.driver.coordinator;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Finds ranks that compute slower than the others, on which all of them wait in each step.
 *
 * <p>A rank is a straggler when the median of its recent steps exceeds the median of all ranks by a
 * factor: medians, so that neither one slow step nor one slow rank moves the yardstick. Of an even
 * number of ranks the lower of the two middle ones counts, so that of two ranks the slower one can
 * be told. A straggler has recovered only well below the factor, so that one at the limit is told
 * once.
 *
 * <p>Not thread-safe.
 */
final class Stragglers {

  /** Steps that a median is taken of. */
  static final int RECENT = 15;

  private static final double RECOVERED = 0.8;

  private final int worldSize;
  private final double factor;
  private final Map<Integer, Deque<Double>> recent = new TreeMap<>();
  private final Set<Integer> slow = new HashSet<>();

  /** A verdict that has changed: the rank's median and that of all ranks, in seconds. */
  record Verdict(boolean slow, double seconds, double medianSeconds) {}

  /**
   * @param factor by how much a straggler's median exceeds that of all, at least 1
   */
  Stragglers(int worldSize, double factor) {
    this.worldSize = worldSize;
    this.factor = factor;
  }

  /** Notes a step of a rank; tells if that changes whether the rank is a straggler. */
  Optional<Verdict> step(int rank, double computeSeconds) {
    Deque<Double> steps = recent.computeIfAbsent(rank, r -> new ArrayDeque<>());
    steps.addLast(computeSeconds);
    if (steps.size() > RECENT) {
      steps.removeFirst();
    }
    if (worldSize < 2
        || recent.size() < worldSize
        || recent.values().stream().anyMatch(times -> times.size() < RECENT)) {
      return Optional.empty();
    }
    double own = median(steps);
    double all = median(recent.values().stream().map(Stragglers::median).toList());
    boolean isSlow = slow.contains(rank) ? own > all * factor * RECOVERED : own > all * factor;
    boolean changed = isSlow ? slow.add(rank) : slow.remove(rank);
    return changed ? Optional.of(new Verdict(isSlow, own, all)) : Optional.empty();
  }

  private static double median(Iterable<Double> values) {
    List<Double> sorted = new ArrayList<>();
    values.forEach(sorted::add);
    sorted.sort(null);
    return sorted.get((sorted.size() - 1) / 2);
  }
}
