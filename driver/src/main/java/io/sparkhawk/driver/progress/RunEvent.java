package io.sparkhawk.driver.progress;

import java.util.Locale;
import java.util.Objects;

/**
 * Something that happened to a run besides its steps: it started, lost a worker and started again,
 * changed its size, waits for a slow worker, or has published a checkpoint. One flat line of {@code
 * metrics.jsonl}.
 *
 * @param event what happened
 * @param time when, as ISO 8601
 * @param work what was under way, such as {@code stage distill}
 * @param step {@link Kind#TRAINING}: steps made before, from which training goes on; {@link
 *     Kind#RESTART}: the step in which it failed; stragglers: the step at which it showed; {@link
 *     Kind#CHECKPOINT}: the steps that it holds; -1 where there is none
 * @param workers processes that train together: with {@link Kind#TRAINING} those of now, otherwise
 *     those of the generation that it happened to; 0 before there are any
 * @param rank the straggler's rank; -1 with other events
 * @param lostSeconds {@link Kind#TRAINING}: time since the checkpoint that training goes on from
 *     was published, all of which is done again; 0 with other events
 * @param reason the sentence that says it, empty with {@link Kind#TRAINING}
 */
public record RunEvent(
    Kind event,
    String time,
    String work,
    long step,
    int workers,
    int rank,
    double lostSeconds,
    String reason) {

  /** What can happen. */
  public enum Kind {
    /** Training begins, or goes on from a checkpoint. */
    TRAINING,
    /** A failure ended the work of all workers; they start again. */
    RESTART,
    /** More workers are there; the work ends at a checkpoint to go on with them. */
    RESIZE,
    /** A worker is slower than the others. */
    STRAGGLER,
    /** A straggler is as fast as the others again. */
    RECOVERED,
    /** A process took the run up, from its beginning or after an earlier one. */
    SESSION,
    /** A checkpoint became visible. */
    CHECKPOINT,
    /** A stage was trained to its end. */
    ENDED
  }

  public RunEvent {
    Objects.requireNonNull(event, "event");
    Objects.requireNonNull(work, "work");
  }

  /** Whether a person should hear of it: not of what belongs to every run. */
  public boolean isNotable() {
    return switch (event) {
      case TRAINING -> step > 0 || lostSeconds > 0;
      case RESTART, RESIZE, STRAGGLER, RECOVERED -> true;
      case SESSION, CHECKPOINT, ENDED -> false;
    };
  }

  /** In plain words, for a person. */
  public String sentence() {
    if (event != Kind.TRAINING) {
      return reason;
    }
    String workersThere = workers == 1 ? "1 worker" : workers + " workers";
    return "Training goes on from step %d of %s with %s%s."
        .formatted(
            step,
            work,
            workersThere,
            lostSeconds > 0 ? String.format(Locale.ROOT, "; %.1f s were lost", lostSeconds) : "");
  }
}
