package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.driver.config.SupervisionSettings;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepSamples;
import io.sparkhawk.executor.train.TrainingPlan;
import io.sparkhawk.executor.worker.CollectiveOpener;
import io.sparkhawk.executor.worker.WorkerBody;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.io.Serializable;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.spark.SparkContext;

/**
 * The workers of a distillation on a Spark cluster: every call is a barrier job, and another one
 * after each failure that starting again can mend.
 */
public final class ClusterWorkers implements Workers {

  private final ClusterSession session;
  private final StageLauncher launcher;
  private final Supervisor supervisor;
  private final Function<TrainingPlan, StepSamples> samples;
  private final Bodies bodies;

  /**
   * What the workers do in each job, as the training engine defines it.
   *
   * @param train trains the plan's stage
   * @param teacher measures the teacher
   * @param export writes the student; its result does not matter
   * @param student measures the student that was written
   * @param comparison compares the teacher with the student that was written
   */
  public record Bodies(
      WorkerBody<TrainingPlan, StageResult> train,
      WorkerBody<TrainingPlan, Evaluation> teacher,
      WorkerBody<TrainingPlan, Boolean> export,
      WorkerBody<TrainingPlan, Evaluation> student,
      WorkerBody<TrainingPlan, ModelComparison> comparison) {

    public Bodies {
      Objects.requireNonNull(train, "train");
      Objects.requireNonNull(teacher, "teacher");
      Objects.requireNonNull(export, "export");
      Objects.requireNonNull(student, "student");
      Objects.requireNonNull(comparison, "comparison");
    }
  }

  private ClusterWorkers(
      ClusterSession session,
      StageLauncher launcher,
      Supervisor supervisor,
      Function<TrainingPlan, StepSamples> samples,
      Bodies bodies) {
    this.session = session;
    this.launcher = launcher;
    this.supervisor = supervisor;
    this.samples = samples;
    this.bodies = bodies;
  }

  /**
   * Starts a session and returns its workers.
   *
   * @param started hears of Spark's application once it has its executors
   * @param name name of the Spark application
   * @param supervision what happens when workers fail
   * @param samples names the samples of a plan's stage
   */
  public static ClusterWorkers start(
      String name,
      ClusterSettings settings,
      CollectiveOpener opener,
      WorkerTimeouts timeouts,
      SupervisionSettings supervision,
      Function<TrainingPlan, StepSamples> samples,
      Bodies bodies,
      Consumer<SparkContext> started) {
    ClusterSession session = ClusterSession.start(name, settings);
    started.accept(session.spark().sc());
    StageLauncher launcher =
        new StageLauncher(session, opener, timeouts, supervision.stragglerFactor());
    Supervisor supervisor =
        new Supervisor(
            supervision,
            settings.workers(),
            session.slots(),
            InstantSource.system(),
            ClusterWorkers::pause);
    return new ClusterWorkers(session, launcher, supervisor, samples, bodies);
  }

  @Override
  public Evaluation evaluateTeacher(TrainingPlan plan, SupervisionListener listener) {
    return run(Work.withoutSteps("evaluation of the teacher"), plan, bodies.teacher(), listener);
  }

  @Override
  public StageResult train(TrainingPlan plan, SupervisionListener listener) {
    String name = "stage " + plan.stage().name().label();
    return run(Work.training(name, samples.apply(plan)), plan, bodies.train(), listener);
  }

  @Override
  public void export(TrainingPlan plan, SupervisionListener listener) {
    run(Work.withoutSteps("export of the student"), plan, bodies.export(), listener);
  }

  @Override
  public Evaluation evaluateStudent(TrainingPlan plan, SupervisionListener listener) {
    return run(Work.withoutSteps("evaluation of the student"), plan, bodies.student(), listener);
  }

  /** On a single worker, so that no other waits for it longer than workers wait for each other. */
  @Override
  public ModelComparison compare(TrainingPlan plan, SupervisionListener listener) {
    return launcher.run(
        "comparison of teacher and student", 1, plan, bodies.comparison(), listener);
  }

  private <R extends Serializable> R run(
      Work work,
      TrainingPlan plan,
      WorkerBody<TrainingPlan, R> body,
      SupervisionListener listener) {
    return supervisor.run(
        work,
        (workers, generation) -> launcher.attempt(work.name(), workers, plan, body, generation),
        listener);
  }

  private static void pause(Duration pause) {
    try {
      TimeUnit.MILLISECONDS.sleep(pause.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("Interrupted before a restart.", e);
    }
  }

  @Override
  public void close() {
    session.close();
  }
}
