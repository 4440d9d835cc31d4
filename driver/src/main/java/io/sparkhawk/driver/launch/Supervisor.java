package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.driver.config.SupervisionSettings;
import io.sparkhawk.driver.coordinator.PaceChange;
import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.worker.WorkerFailure;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Keeps work going though workers fail: starts it again from its newest checkpoint with the
 * executors that are there, and with more as soon as a checkpoint allows it.
 *
 * <p>A generation of workers has one size. It ends by its result, by a failure, or on purpose at a
 * checkpoint when a larger one has become possible. {@link FailureHistory} decides what follows a
 * failure. Used by one thread.
 */
final class Supervisor {

  private final SupervisionSettings settings;
  private final int workers;
  private final Slots slots;
  private final InstantSource clock;
  private final Consumer<Duration> pause;

  /** How many executors were there when they were last counted. */
  private int expected;

  /** One generation's work; throws {@link GenerationFailure} if it fails. */
  @FunctionalInterface
  interface Attempt<R> {
    R run(int workers, GenerationListener listener);
  }

  /**
   * @param workers the most workers to use
   * @param pause waits for that long
   */
  Supervisor(
      SupervisionSettings settings,
      int workers,
      Slots slots,
      InstantSource clock,
      Consumer<Duration> pause) {
    this.settings = settings;
    this.workers = workers;
    this.slots = slots;
    this.clock = clock;
    this.pause = pause;
    this.expected = Math.min(workers, slots.available());
  }

  /**
   * Does the work, however often it has to be started.
   *
   * @throws io.sparkhawk.data.error.SparkhawkException the failure that starting again does not
   *     mend; or an {@link InfrastructureException} if too few executors are left
   */
  <R> R run(Work work, Attempt<R> attempt, SupervisionListener listener) {
    Course course = new Course(work, listener);
    while (true) {
      int size = size(work);
      try {
        return attempt.run(size, course.generation(size));
      } catch (GenerationFailure failure) {
        course.failed(failure.failure(), failure.step(), size);
      } catch (InfrastructureException failure) {
        // The driver's own, of the listener. Whether the run may go on is the listener's to say.
        course.failed(WorkerFailure.of(failure), OptionalLong.empty(), size);
      } catch (MoreExecutors more) {
        course.resized(size, more.workers);
      }
      slots.clear();
      expected = workers;
    }
  }

  /** The size of the next generation, once there are executors for it. */
  private int size(Work work) {
    slots.replaceLost();
    int there = slots.await(expected, settings.executorWait());
    expected = Math.min(workers, there);
    int size = largest(work, there);
    int fewest = settings.fewest(workers);
    if (size < fewest) {
      throw new InfrastructureException(
          "%s needs at least %d workers, but only %d executors were there after %d s%s. Run the same command again once there are more; it continues from the newest checkpoint."
              .formatted(
                  work.name(),
                  fewest,
                  there,
                  settings.executorWait().toSeconds(),
                  size == Math.min(workers, there)
                      ? ""
                      : ", of which " + size + " can share the global batch evenly"));
    }
    return size;
  }

  /** The most workers that can share the work on that many executors; 0 if there is none. */
  private int largest(Work work, int executors) {
    return IntStream.rangeClosed(1, Math.min(workers, executors))
        .filter(work::fits)
        .max()
        .orElse(0);
  }

  /** Ends a generation on purpose. */
  private static final class MoreExecutors extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int workers;

    MoreExecutors(int workers) {
      super("more executors are there", null, false, false);
      this.workers = workers;
    }
  }

  /** One piece of work through all its generations. */
  private final class Course {

    private final Work work;
    private final SupervisionListener listener;
    private final FailureHistory history;
    private boolean first = true;
    private long newestCheckpoint = -1;

    /** Since when what is done would be lost: the newest checkpoint, or the beginning. */
    private Instant since = clock.instant();

    /** Checkpoints that a generation publishes before it gives way to a larger one. */
    private int patience = 1;

    private boolean larger;

    Course(Work work, SupervisionListener listener) {
      this.work = work;
      this.listener = listener;
      this.history = new FailureHistory(work, settings.restarts());
    }

    GenerationListener generation(int size) {
      return new Watch(this, size);
    }

    void failed(WorkerFailure failure, OptionalLong step, int size) {
      if (larger) {
        patience *= 2; // The executors that came back did not bring the work further.
      }
      larger = false;
      FailureHistory.Restart restart = history.failed(failure, step);
      String next =
          work.samples().isPresent()
              ? "Training starts again from the newest checkpoint"
              : "The " + work.name() + " starts again";
      String when = restart.pause().isZero() ? "" : " in " + restart.pause().toSeconds() + " s";
      tell(
          RunEvent.Kind.RESTART,
          step.orElse(-1),
          size,
          -1,
          "%s %s%s (restart %d of %d)."
              .formatted(
                  FailureHistory.sentence(failure.message()),
                  next,
                  when,
                  restart.number(),
                  restart.limit()));
      pause.accept(restart.pause());
    }

    void resized(int before, int after) {
      larger = true;
      tell(
          RunEvent.Kind.RESIZE,
          newestCheckpoint,
          before,
          -1,
          "There are executors for %d workers instead of %d; %s goes on with them from its checkpoint of step %d."
              .formatted(after, before, work.name(), newestCheckpoint));
    }

    void started(long done, int size) {
      Instant now = clock.instant();
      double lost = first ? 0 : Duration.between(since, now).toMillis() / 1e3;
      since = first ? now : since;
      first = false;
      newestCheckpoint = Math.max(newestCheckpoint, done);
      listener.runEvent(
          new RunEvent(
              RunEvent.Kind.TRAINING, now.toString(), work.name(), done, size, -1, lost, ""));
    }

    void published(long step) {
      if (step > newestCheckpoint) {
        newestCheckpoint = step;
        since = clock.instant();
        larger = false;
        history.progressed();
      }
    }

    void growIfPossible(int size) {
      slots.replaceLost();
      int possible = largest(work, slots.available());
      if (possible > size) {
        throw new MoreExecutors(possible);
      }
    }

    void tell(RunEvent.Kind kind, long step, int size, int rank, String sentence) {
      listener.runEvent(
          new RunEvent(
              kind, clock.instant().toString(), work.name(), step, size, rank, 0, sentence));
    }
  }

  /** Passes on what a generation tells, and watches over it. */
  private final class Watch implements GenerationListener {

    private final Course course;
    private final int size;
    private int checkpoints;
    private boolean lastStepMade;

    Watch(Course course, int size) {
      this.course = course;
      this.size = size;
    }

    @Override
    public void memoryPlanned(long needed, long available) {
      course.listener.memoryPlanned(needed, available);
    }

    @Override
    public void trainingStarted(String stage, long done) {
      course.listener.trainingStarted(stage, done);
      course.started(done, size);
    }

    @Override
    public void step(StepMetrics metrics) {
      lastStepMade = metrics.step() == metrics.steps();
      course.listener.step(metrics);
    }

    @Override
    public void checkpointPublished(PublishedCheckpoint checkpoint) {
      course.published(checkpoint.step());
      course.listener.checkpointPublished(checkpoint);
      checkpoints++;
      if (size < workers && !lastStepMade && checkpoints >= course.patience) {
        course.growIfPossible(size);
      }
    }

    @Override
    public void rankHeard(RankHeartbeat heartbeat) {
      course.listener.rankHeard(heartbeat);
    }

    @Override
    public void paceChanged(PaceChange change) {
      course.tell(
          change.slow() ? RunEvent.Kind.STRAGGLER : RunEvent.Kind.RECOVERED,
          change.step(),
          size,
          change.rank(),
          String.format(
              Locale.ROOT,
              change.slow()
                  ? "%s is a straggler since step %d of %s: it computes %.3g s a step where the median of all is %.3g s; the others wait for it."
                  : "%s is no straggler any more at step %d of %s: it computes %.3g s a step where the median of all is %.3g s.",
              change.worker(),
              change.step(),
              course.work.name(),
              change.seconds(),
              change.medianSeconds()));
    }
  }
}
