package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.TrainingPlan;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The story of a distillation: check, measure the teacher, train the stages that are not finished
 * yet, export the student, measure it, compare it with the teacher, report.
 *
 * <p>Everything that was finished before is found in the run's record; so a run that was
 * interrupted is continued by running it again. The run is held meanwhile, so that no second
 * process works on it; without the hold nothing is published.
 */
public final class Distillation {

  private final RunRecord record;
  private final Supplier<Workers> cluster;
  private final RunListener listener;
  private final InstantSource clock;

  /**
   * @param record the run's folder
   * @param cluster starts the workers; called once the record has been checked
   * @param listener hears how it goes
   * @param clock tells how long it takes
   */
  public Distillation(
      RunRecord record, Supplier<Workers> cluster, RunListener listener, InstantSource clock) {
    this.record = record;
    this.cluster = cluster;
    this.listener = listener;
    this.clock = clock;
  }

  /**
   * Runs all stages of the plan, whichever it is at.
   *
   * @throws io.sparkhawk.data.error.SparkhawkException if something fails; what was published stays
   */
  public DistillationResult run(TrainingPlan plan) {
    Instant start = clock.instant();
    record.check(plan);
    try (RunHold hold = record.hold();
        Workers workers = cluster.get()) {
      try {
        DistillationResult result = distil(plan, workers, hold, start);
        listener.runEnded(Optional.empty());
        return result;
      } catch (RuntimeException e) {
        listener.runEnded(Optional.of(e));
        throw e;
      }
    }
  }

  private DistillationResult distil(
      TrainingPlan plan, Workers workers, RunHold hold, Instant start) {
    WhileHeld supervised = new WhileHeld(hold, listener);
    Evaluation teacher = workers.evaluateTeacher(plan, supervised);
    listener.teacherEvaluated(teacher);

    List<StageResult> stages = new ArrayList<>();
    for (int i = 0; i < plan.stages().size(); i++) {
      stages.add(stage(plan.atStage(i), workers, hold));
    }

    TrainingPlan last = plan.atStage(plan.stages().size() - 1);
    hold.requireHeld();
    workers.export(last, supervised);
    Evaluation student = workers.evaluateStudent(last, supervised);
    listener.studentEvaluated(student);

    Optional<ModelComparison> comparison = comparison(last, workers, hold);

    Duration duration = Duration.between(start, clock.instant());
    DistillationResult result =
        new DistillationResult(teacher, stages, student, comparison, duration);
    hold.requireHeld();
    record.runEnded(result);
    return result;
  }

  /** Only shown to people: the student is there, so a failure is told and does not end the run. */
  private Optional<ModelComparison> comparison(TrainingPlan plan, Workers workers, RunHold hold) {
    try {
      return Optional.of(workers.compare(plan, new WhileHeld(hold, listener)));
    } catch (RuntimeException e) {
      hold.requireNotLost();
      listener.comparisonFailed(e);
      return Optional.empty();
    }
  }

  private StageResult stage(TrainingPlan plan, Workers workers, RunHold hold) {
    Optional<StageResult> finished = record.finished(plan);
    if (finished.isPresent()) {
      listener.stageSkipped(finished.get());
      return finished.get();
    }
    hold.requireHeld();
    listener.stageStarted(plan.stage(), plan.stageIndex() + 1, plan.stages().size());
    StageResult result = workers.train(plan, new WhileHeld(hold, listener));
    hold.requireHeld();
    record.stageEnded(result);
    listener.stageEnded(result);
    return result;
  }
}
