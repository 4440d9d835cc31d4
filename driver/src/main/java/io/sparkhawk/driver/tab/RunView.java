package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.tab.Alarms.Severity;
import io.sparkhawk.driver.tab.TabEvent.CheckpointMade;
import io.sparkhawk.driver.tab.TabEvent.Evaluated;
import io.sparkhawk.driver.tab.TabEvent.Happened;
import io.sparkhawk.driver.tab.TabEvent.RanksHeard;
import io.sparkhawk.driver.tab.TabEvent.RunEnded;
import io.sparkhawk.driver.tab.TabEvent.RunStarted;
import io.sparkhawk.driver.tab.TabEvent.StageChanged;
import io.sparkhawk.driver.tab.TabEvent.StagePlan;
import io.sparkhawk.driver.tab.TabEvent.StageState;
import io.sparkhawk.driver.tab.TabEvent.StepFigures;
import io.sparkhawk.driver.tab.TabEvent.StepsMade;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A run as the tab shows it, folded of its events in an amount of memory that does not depend on
 * the number of steps. Every application of the run, and a history server from its event log, folds
 * the same events to the same view.
 *
 * <p>Safe for use by several threads.
 */
final class RunView {

  /** Newest events and checkpoints that are kept. */
  private static final int KEPT = 100;

  /** More of the time than this share in waiting for samples is worth a look. */
  private static final double MUCH_DATA = 0.05;

  private static final double SLOW_STEPS = 20;
  private static final long SLOWEST_STEP_MILLIS = 30_000;

  private final Map<String, StageView> stages = new LinkedHashMap<>();
  private final Ranks ranks = new Ranks();
  private final Alarms alarms = new Alarms();
  private final Deque<Happened> events = new ArrayDeque<>();
  private final Deque<CheckpointMade> checkpoints = new ArrayDeque<>();
  private final List<Evaluated> evaluations = new ArrayList<>();
  private String run = "";
  private String current = "";
  private long started;
  private long lastTime;
  private int restarts;
  private int checkpointCount;
  private double lostSeconds;
  private Optional<RunEnded> end = Optional.empty();

  /** Takes an event into the view. */
  synchronized void add(TabEvent event) {
    lastTime = event.time();
    if (event instanceof StepsMade made) {
      steps(made);
    } else if (event instanceof RanksHeard heard) {
      ranks.heard(heard);
    } else if (event instanceof RunStarted start) {
      start(start);
    } else if (event instanceof StageChanged changed) {
      stage(changed);
    } else if (event instanceof CheckpointMade made) {
      checkpointCount++;
      keep(checkpoints, made);
    } else if (event instanceof Happened happened) {
      happened(happened);
    } else if (event instanceof Evaluated evaluated) {
      evaluations.removeIf(other -> other.model().equals(evaluated.model()));
      evaluations.add(evaluated);
    } else if (event instanceof RunEnded ended) {
      end = Optional.of(ended);
      alarms.clear("rank", ended.time());
      alarms.clear("data", ended.time());
    }
  }

  private void start(RunStarted event) {
    run = event.run();
    started = started == 0 ? event.time() : started;
    for (StagePlan plan : event.stages()) {
      stages.putIfAbsent(plan.stage(), new StageView(plan));
    }
  }

  private void stage(StageChanged event) {
    StageView stage = stages.get(event.stage());
    if (stage != null) {
      stage.changed(event.state(), event.seconds());
      current = event.stage();
      alarms.clear("", event.time());
    }
  }

  private void steps(StepsMade event) {
    StageView stage = stages.get(event.stage());
    if (stage == null) {
      return;
    }
    current = event.stage();
    for (StepFigures step : event.steps()) {
      StepFigures before = stage.last();
      boolean skipped = step.skipped() > (before == null ? 0 : before.skipped());
      stage.add(step, event.time());
      alarms.set(
          "finite",
          skipped,
          Severity.ERROR,
          () ->
              "Step %d of stage %s had a loss or gradient that is not finite, and its update was left out. More than 10 in a row end the run; lower learning-rate or set clip-norm if it happens again."
                  .formatted(step.step(), event.stage()),
          event.time());
    }
    checkLoss(stage, event.time());
    checkData(stage, event.time());
  }

  private void checkLoss(StageView stage, long time) {
    double mean = stage.meanLoss();
    double largest = stage.largestExpectedLoss();
    alarms.set(
        "loss",
        mean > largest,
        Severity.ERROR,
        () ->
            String.format(
                Locale.ROOT,
                "The mean loss of stage %s is %.4g over the last %d steps, above the %.4g that is to be expected by now. Look at the learning rate and at the gradient norm; the newest good checkpoint is a place to start again from.",
                stage.plan().stage(),
                mean,
                stage.recentSteps(),
                largest),
        time);
  }

  private void checkData(StageView stage, long time) {
    alarms.set(
        "data",
        stage.recentSteps() >= 10 && stage.dataShare() > MUCH_DATA,
        Severity.WARNING,
        () ->
            String.format(
                Locale.ROOT,
                "Rank 0 spends %.0f%% of its time waiting for samples: the data set's storage, or the disk of local-cache, is slower than training. Prepare or copy the data set nearer to the workers.",
                100 * stage.dataShare()),
        time);
  }

  private void happened(Happened event) {
    if (!event.kind().equals("training") || event.step() > 0 || event.lostSeconds() > 0) {
      keep(events, event); // As on the console: that a stage begins is no news.
    }
    switch (event.kind()) {
      case "training" -> {
        lostSeconds += event.lostSeconds();
        alarms.clear("rank", event.time());
        stageOf(event.work()).ifPresent(StageView::resumed);
      }
      case "restart", "resize" -> {
        restarts += event.kind().equals("restart") ? 1 : 0;
        ranks.clear();
        alarms.clear("rank", event.time());
      }
      case "straggler", "recovered" -> {
        boolean slow = event.kind().equals("straggler");
        ranks.pace(event.rank(), slow);
        alarms.set(
            "rank " + event.rank() + " pace",
            slow,
            Severity.WARNING,
            event::sentence,
            event.time());
      }
      default -> {}
    }
  }

  private Optional<StageView> stageOf(String work) {
    return work.startsWith("stage ")
        ? Optional.ofNullable(stages.get(work.substring("stage ".length())))
        : Optional.empty();
  }

  /** Looks for ranks that should have been heard by now, or should have made a step. */
  synchronized void checkTime(long now) {
    if (end.isPresent()) {
      return;
    }
    Optional<StageView> stage = stageOf(ranks.work());
    for (Ranks.Rank rank : ranks.all()) {
      checkRank(rank, stage, now);
    }
  }

  private void checkRank(Ranks.Rank rank, Optional<StageView> stage, long now) {
    long silent = now - rank.last().heard();
    long idle = now - rank.stepTime();
    boolean isSilent = silent > Ranks.silenceMillis(ranks.workers());
    boolean inSteps =
        stage.isPresent()
            && rank.recentSteps() > 0
            && rank.last().step() < stage.get().plan().steps();
    boolean isIdle =
        inSteps && idle > Math.max(SLOWEST_STEP_MILLIS, SLOW_STEPS * 1000 * rank.stepSeconds());
    alarms.set(
        "rank " + rank.last().rank() + " stalled",
        isSilent || isIdle,
        Severity.ERROR,
        () -> stalled(rank, isSilent ? OptionalLong.of(silent) : OptionalLong.empty(), idle),
        now);
  }

  /**
   * @param silent milliseconds since the rank was heard, if that is what is wrong
   * @param idle milliseconds since its last step
   */
  private static String stalled(Ranks.Rank rank, OptionalLong silent, long idle) {
    String where =
        "Rank %d (executor %s on %s)"
            .formatted(rank.last().rank(), rank.last().executor(), rank.last().address());
    if (silent.isPresent()) {
      return "%s has not been heard of for %d s. It is given up after timeouts.heartbeat, and training starts again from the newest checkpoint."
          .formatted(where, silent.getAsLong() / 1000);
    }
    return String.format(
        Locale.ROOT,
        "%s is alive but has made no step for %d s, where one takes %.2g s. Another rank may be the one that all wait for.",
        where,
        idle / 1000,
        rank.stepSeconds());
  }

  private static <T> void keep(Deque<T> newest, T value) {
    newest.addFirst(value);
    if (newest.size() > KEPT) {
      newest.removeLast();
    }
  }

  // What the page is written of; the lock is the view's, which the writer holds.

  String run() {
    return run;
  }

  long started() {
    return started;
  }

  /** When the last event was told. */
  long lastTime() {
    return lastTime;
  }

  Collection<StageView> stages() {
    return stages.values();
  }

  /** The stage that is trained, or was trained last; empty before the first. */
  Optional<StageView> current() {
    return Optional.ofNullable(stages.get(current));
  }

  Ranks ranks() {
    return ranks;
  }

  Alarms alarms() {
    return alarms;
  }

  /** Newest first. */
  Collection<Happened> events() {
    return events;
  }

  /** Newest first. */
  Collection<CheckpointMade> checkpoints() {
    return checkpoints;
  }

  Collection<Evaluated> evaluations() {
    return evaluations;
  }

  int restarts() {
    return restarts;
  }

  int checkpointCount() {
    return checkpointCount;
  }

  double lostSeconds() {
    return lostSeconds;
  }

  /** How it ended, if it did. */
  Optional<RunEnded> end() {
    return end;
  }

  /** Whether a stage is being trained at this moment. */
  boolean isTraining() {
    return end.isEmpty()
        && current().map(stage -> stage.state() == StageState.TRAINING).orElse(false);
  }
}
