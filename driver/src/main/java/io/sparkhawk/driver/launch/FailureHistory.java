package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.worker.WorkerFailure;
import io.sparkhawk.executor.worker.WorkerFailure.Kind;
import java.time.Duration;
import java.util.OptionalLong;

/**
 * Decides after each failure of a piece of work whether it is started again.
 *
 * <ul>
 *   <li>What starting again cannot mend ends it at once: wrong settings, wrong data, an unknown
 *       state.
 *   <li>An error in the program that comes back at the same step is no accident: something in the
 *       step's data or numbers brings it about. So it is if executors were lost in the same step
 *       before each restart that was allowed, and again: machines die anywhere, but a step whose
 *       samples end a process does it every time. A storage or network that fails in the same step
 *       says nothing about the data.
 *   <li>Anything else is tried again, so many times in a row; every new checkpoint begins the count
 *       anew. The first loss is made good at once, later ones in a row soon. After anything that
 *       may need time, a storage that is out say, the pauses grow.
 * </ul>
 */
final class FailureHistory {

  /** Fewer losses in a row may be chance, however few restarts are allowed. */
  private static final int LOSSES_AT_ONE_STEP = 3;

  private static final int ERRORS_AT_ONE_STEP = 2;

  private static final Duration FIRST_PAUSE = Duration.ofSeconds(2);
  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(2);

  /** A cluster that has lost executors already takes its time to bring others. */
  private static final Duration LONGEST_PAUSE_AFTER_A_LOSS = Duration.ofSeconds(10);

  private static final int PAUSE_GROWTH = 4;

  private static final String RUN_AGAIN =
      " Run the same command again to continue from the newest checkpoint.";

  private final Work work;
  private final int limit;
  private int restarts;
  private OptionalLong failedStep = OptionalLong.empty();
  private int failuresAtStep;

  /**
   * @param limit how often in a row the work is started again
   */
  FailureHistory(Work work, int limit) {
    this.work = work;
    this.limit = limit;
  }

  /**
   * What follows a failure.
   *
   * @param number how many restarts in a row this is
   * @param limit the most there may be
   * @param pause to wait before it
   */
  record Restart(int number, int limit, Duration pause) {}

  /** A new checkpoint was published. */
  void progressed() {
    restarts = 0;
  }

  /**
   * Notes a failure.
   *
   * @param step the step in which it came, from 1, where there was one
   * @return the restart that is to follow
   * @throws io.sparkhawk.data.error.SparkhawkException the failure, if none is to
   */
  Restart failed(WorkerFailure failure, OptionalLong step) {
    boolean mendable =
        switch (failure.kind()) {
          case CONFIGURATION, DATA, UNKNOWN_STATE -> false;
          case INFRASTRUCTURE, LOST, UNEXPECTED -> true;
        };
    if (!mendable) {
      throw failure.toException();
    }
    requireNoPattern(failure, step);
    if (restarts == limit) {
      throw ended(failure);
    }
    restarts++;
    return new Restart(restarts, limit, pause(failure.kind()));
  }

  private void requireNoPattern(WorkerFailure failure, OptionalLong step) {
    if (failure.kind() == Kind.INFRASTRUCTURE || step.isEmpty()) {
      return;
    }
    failuresAtStep = step.equals(failedStep) ? failuresAtStep + 1 : 1;
    failedStep = step;
    int tooMany =
        failure.kind() == Kind.LOST ? Math.max(LOSSES_AT_ONE_STEP, limit + 1) : ERRORS_AT_ONE_STEP;
    if (failuresAtStep >= tooMany) {
      throw new DataException(
          "%s failed %d times in step %d, the last time so: %s That is no accident but a problem of the step's data or numbers, and starting again would not mend it. The step takes the %s. Look at these rows and at the loss in metrics.jsonl."
              .formatted(
                  capitalised(work.name()),
                  failuresAtStep,
                  step.getAsLong(),
                  sentence(failure.message()),
                  work.samples()
                      .map(samples -> samples.describe(step.getAsLong() - 1))
                      .orElse("same samples each time")),
          failure.toException());
    }
  }

  private RuntimeException ended(WorkerFailure failure) {
    String tried =
        restarts == 0
            ? ""
            : " %s was started again %d times in a row without %s; the run ends here."
                .formatted(
                    capitalised(work.name()),
                    restarts,
                    work.samples().isPresent() ? "a new checkpoint" : "success");
    return new WorkerFailure(
            failure.kind(), sentence(failure.message()) + tried + RUN_AGAIN, failure.stackTrace())
        .toException();
  }

  private Duration pause(Kind kind) {
    boolean lost = kind == Kind.LOST;
    int steps = lost ? restarts - 2 : restarts - 1;
    Duration longest = lost ? LONGEST_PAUSE_AFTER_A_LOSS : LONGEST_PAUSE;
    if (steps < 0) {
      return Duration.ZERO;
    }
    double seconds = (double) FIRST_PAUSE.toSeconds() * Math.pow(PAUSE_GROWTH, (double) steps);
    return Duration.ofSeconds((long) Math.min((double) longest.toSeconds(), seconds));
  }

  /** The message with a full stop. */
  static String sentence(String message) {
    return message.endsWith(".") ? message : message + ".";
  }

  private static String capitalised(String name) {
    return Character.toUpperCase(name.charAt(0)) + name.substring(1);
  }
}
