package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.Objective;
import io.sparkhawk.executor.stage.Objectives;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import java.util.List;

/** Updates of one stage on given batches: for comparison with a reference's, and to be measured. */
public final class Trajectory implements AutoCloseable {

  /**
   * What is trained, and how.
   *
   * @param clipNorm largest norm of the gradient, 0 for any
   */
  public record Settings(
      StageKind stage,
      HiddenTarget target,
      TrainedParts parts,
      boolean recompute,
      AdamW.Hyperparameters hyperparameters,
      double clipNorm) {}

  private final Objective objective;
  private final FlatParameters parameters;
  private final AdamW optimizer;
  private final Collective collective;
  private final TrainingStep step;

  private Trajectory(
      LanguageModel teacher,
      LanguageModel student,
      Settings settings,
      Collective collective,
      Parallelism parallelism) {
    this.collective = collective;
    this.parameters =
        FlatParameters.of(
            student.manager(),
            student.elementType().accumulationType(),
            parallelism.gradientType().of(student.elementType()),
            TrainedParameters.of(student, settings.stage, settings.parts, settings.target),
            parallelism.shardOf(collective),
            parallelism.shards());
    this.optimizer = new AdamW(student.manager(), parameters, settings.hyperparameters);
    this.objective =
        Objectives.of(settings.stage, settings.target, teacher, student, settings.recompute);
    this.step =
        new TrainingStep(
            objective, parameters, optimizer, collective, settings.clipNorm, parallelism);
  }

  /** Starts from the student's weights, which become part of the trajectory; in one process. */
  public static Trajectory start(LanguageModel teacher, LanguageModel student, Settings settings) {
    return start(teacher, student, settings, SingleProcess.create(), Parallelism.NONE);
  }

  /** As above, with the other ranks of the collective, which have the same weights. */
  static Trajectory start(
      LanguageModel teacher,
      LanguageModel student,
      Settings settings,
      Collective collective,
      Parallelism parallelism) {
    return new Trajectory(teacher, student, settings, collective, parallelism);
  }

  /**
   * Losses (one for each block, or one) and gradient norm of a step, both before its update.
   *
   * @param waitSeconds waiting for the other ranks while nothing was computed
   */
  public record Step(List<Double> losses, double gradientNorm, double waitSeconds) {}

  /** Makes one update on token ids (batch, length), as many on every rank. */
  public Step step(NDArray ids, double learningRate) {
    TrainingStep.Outcome outcome = start(ids, learningRate).outcome();
    return new Step(outcome.losses(), outcome.gradientNorm(), outcome.waitSeconds());
  }

  /** Starts an update as above; see {@link TrainingStep#start}. */
  TrainingStep.Started start(NDArray ids, double learningRate) {
    int sequences = (int) ids.getShape().get(0) * collective.worldSize();
    collective.atStep(collective.step() + 1);
    return step.start(List.of(ids), sequences, learningRate);
  }

  /** Returns when this rank has all weights of the last update; called by all ranks. */
  void awaitWeights() {
    step.awaitWeights();
  }

  /** Computes losses and gradients without an update; called by all ranks. */
  public void gradients(NDArray ids) {
    step.awaitWeights();
    objective.accumulate(ids, 1, parameters::collect);
  }

  /** Computes losses alone; called by all ranks. */
  void measure(NDArray ids) {
    step.awaitWeights();
    objective.measure(ids, 1);
  }

  /** See {@link TrainingStep#exchangeAlone}; called by all ranks. */
  double exchangeAlone() {
    return step.exchangeAlone();
  }

  /** The losses since the last update: one for each block, or one. */
  public double[] losses() {
    return objective.losses().read();
  }

  /** Applies an update with the gradients that are there, to what this rank updates. */
  public void update(double learningRate) {
    optimizer.update(parameters, learningRate, 1);
  }

  /** How the gradients of the ranks are summed, in a few words. */
  public String transport() {
    return step.transport();
  }

  public FlatParameters parameters() {
    return parameters;
  }

  @Override
  public void close() {
    step.close();
    optimizer.close();
    parameters.close();
  }
}
