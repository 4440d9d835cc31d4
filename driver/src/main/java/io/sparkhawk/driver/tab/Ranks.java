package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.tab.TabEvent.RankFigures;
import io.sparkhawk.driver.tab.TabEvent.RanksHeard;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;

/** The ranks that train now: what each did lately, and when it was last heard. */
final class Ranks {

  /**
   * Steps that the recent figures of a rank are taken of, at least, as long as there are so many.
   */
  private static final int RECENT_STEPS = 30;

  /** One rank. */
  static final class Rank {

    private final Deque<RankFigures> recent = new ArrayDeque<>();
    private RankFigures last;
    private long stepTime;
    private boolean straggler;

    private Rank(RankFigures first, long time) {
      this.last = first;
      this.stepTime = time;
    }

    private void add(RankFigures figures, long time) {
      if (figures.step() != last.step()) {
        stepTime = time;
      }
      last = figures;
      if (figures.steps() > 0) {
        recent.addLast(figures);
        while (recentSteps() - recent.getFirst().steps() >= RECENT_STEPS) {
          recent.removeFirst();
        }
      }
    }

    /** What it told last. */
    RankFigures last() {
      return last;
    }

    /** When it was seen to have made its last step. */
    long stepTime() {
      return stepTime;
    }

    /** Whether the coordinator calls it a straggler. */
    boolean straggler() {
      return straggler;
    }

    int recentSteps() {
      return recent.stream().mapToInt(RankFigures::steps).sum();
    }

    double seconds() {
      return recent.stream().mapToDouble(RankFigures::seconds).sum();
    }

    double computeSeconds() {
      return recent.stream().mapToDouble(RankFigures::computeSeconds).sum();
    }

    double waitSeconds() {
      return recent.stream().mapToDouble(RankFigures::waitSeconds).sum();
    }

    double dataSeconds() {
      return recent.stream().mapToDouble(RankFigures::dataSeconds).sum();
    }

    double checkpointSeconds() {
      return recent.stream().mapToDouble(RankFigures::checkpointSeconds).sum();
    }

    /** NaN before the first step. */
    double tokensPerSecond() {
      return recent.stream().mapToDouble(RankFigures::tokens).sum() / seconds();
    }

    /** Time of a step, NaN before the first. */
    double stepSeconds() {
      return seconds() / recentSteps();
    }
  }

  private final Map<Integer, Rank> ranks = new TreeMap<>();
  private String work = "";
  private int workers;

  void heard(RanksHeard event) {
    if (!event.work().equals(work) || event.workers() != workers) {
      ranks.clear();
      work = event.work();
      workers = event.workers();
    }
    for (RankFigures figures : event.ranks()) {
      ranks
          .computeIfAbsent(figures.rank(), number -> new Rank(figures, event.time()))
          .add(figures, event.time());
    }
  }

  /** A rank has become a straggler, or has stopped being one. */
  void pace(int number, boolean slow) {
    Rank rank = ranks.get(number);
    if (rank != null) {
      rank.straggler = slow;
    }
  }

  /** A generation ends: what its ranks last told says nothing of the next one's. */
  void clear() {
    ranks.clear();
    workers = 0;
  }

  /** What they do, such as {@code stage distill}; empty before anything. */
  String work() {
    return work;
  }

  int workers() {
    return workers;
  }

  /** Those that were heard, in order. */
  Collection<Rank> all() {
    return new ArrayList<>(ranks.values());
  }

  /**
   * Since when a rank was not heard without doubt that it should have been. Events of many ranks
   * are told less often.
   */
  static long silenceMillis(int workers) {
    return 10_000 + 2 * reportMillis(workers);
  }

  /** How often ranks are told of: more of them less often, so that an event log stays small. */
  static long reportMillis(int workers) {
    return Math.min(30_000, Math.max(1_000, workers * 125L));
  }
}
