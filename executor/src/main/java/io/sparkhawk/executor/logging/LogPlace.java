package io.sparkhawk.executor.logging;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;

/**
 * Where in a run this process is: what its log lines have in common, whichever thread writes them.
 * A process is in one run, at one stage and, as a worker, of one rank at a time.
 *
 * @param run name of the run; empty outside of one
 * @param stage name of the stage, or of the other work that is under way; empty between them
 * @param step steps of the stage that were made; -1 before training begins
 * @param rank this worker's rank; -1 in the driver and outside of a worker's work
 */
public record LogPlace(String run, String stage, long step, int rank) {

  /** Outside of all runs. */
  public static final LogPlace NOWHERE = new LogPlace("", "", -1, -1);

  private static final AtomicReference<LogPlace> CURRENT = new AtomicReference<>(NOWHERE);

  public LogPlace {
    Objects.requireNonNull(run, "run");
    Objects.requireNonNull(stage, "stage");
  }

  /** Where this process is now. */
  public static LogPlace current() {
    return CURRENT.get();
  }

  /** This process enters a run, before its first stage. */
  public static void enterRun(String run) {
    CURRENT.set(new LogPlace(run, "", -1, -1));
  }

  /**
   * This process begins a piece of work.
   *
   * @param work {@code stage matrix}, or the name of other work
   * @param rank this worker's rank; -1 in the driver
   */
  public static void enterWork(String work, int rank) {
    String stage = work.startsWith("stage ") ? work.substring("stage ".length()) : work;
    move(place -> new LogPlace(place.run(), stage, -1, rank));
  }

  /** The stage's training has come to that step. */
  public static void reachStep(long step) {
    move(place -> new LogPlace(place.run(), place.stage(), step, place.rank()));
  }

  /** The piece of work is over. */
  public static void leaveWork() {
    move(place -> new LogPlace(place.run(), "", -1, -1));
  }

  private static void move(UnaryOperator<LogPlace> change) {
    LogPlace unused = CURRENT.updateAndGet(change);
  }
}
