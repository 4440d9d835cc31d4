package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.TrainingListener;
import io.sparkhawk.executor.train.TrainingPlan;
import io.sparkhawk.executor.worker.CollectiveOpener;
import io.sparkhawk.executor.worker.WorkerBody;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.util.Locale;
import java.util.Objects;

/** The workers of a distillation on a Spark cluster: every call is one barrier job. */
public final class ClusterWorkers implements Workers {

  private final ClusterSession session;
  private final StageLauncher launcher;
  private final Bodies bodies;

  /**
   * What the workers do in each job, as the training engine defines it.
   *
   * @param train trains the plan's stage
   * @param teacher measures the teacher
   * @param export writes the student; its result does not matter
   * @param student measures the student that was written
   */
  public record Bodies(
      WorkerBody<TrainingPlan, StageResult> train,
      WorkerBody<TrainingPlan, Evaluation> teacher,
      WorkerBody<TrainingPlan, Boolean> export,
      WorkerBody<TrainingPlan, Evaluation> student) {

    public Bodies {
      Objects.requireNonNull(train, "train");
      Objects.requireNonNull(teacher, "teacher");
      Objects.requireNonNull(export, "export");
      Objects.requireNonNull(student, "student");
    }
  }

  private ClusterWorkers(ClusterSession session, StageLauncher launcher, Bodies bodies) {
    this.session = session;
    this.launcher = launcher;
    this.bodies = bodies;
  }

  /**
   * Starts a session and returns its workers.
   *
   * @param name name of the Spark application
   */
  public static ClusterWorkers start(
      String name,
      ClusterSettings settings,
      CollectiveOpener opener,
      WorkerTimeouts timeouts,
      Bodies bodies) {
    ClusterSession session = ClusterSession.start(name, settings);
    return new ClusterWorkers(session, new StageLauncher(session, opener, timeouts), bodies);
  }

  @Override
  public Evaluation evaluateTeacher(TrainingPlan plan) {
    return launcher.run(
        "evaluation of the teacher", plan, bodies.teacher(), TrainingListener.SILENT);
  }

  @Override
  public StageResult train(TrainingPlan plan, TrainingListener listener) {
    String work = "stage " + plan.stage().name().name().toLowerCase(Locale.ROOT);
    return launcher.run(work, plan, bodies.train(), listener);
  }

  @Override
  public void export(TrainingPlan plan) {
    launcher.run("export of the student", plan, bodies.export(), TrainingListener.SILENT);
  }

  @Override
  public Evaluation evaluateStudent(TrainingPlan plan) {
    return launcher.run(
        "evaluation of the student", plan, bodies.student(), TrainingListener.SILENT);
  }

  @Override
  public void close() {
    session.close();
  }
}
