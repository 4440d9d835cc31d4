package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.Objective;
import io.sparkhawk.executor.stage.Objectives;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import java.util.List;

/**
 * Updates of one stage on given batches in one process: for comparison with a reference's, and to
 * be measured.
 */
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
  private final TrainingStep step;

  private Trajectory(LanguageModel teacher, LanguageModel student, Settings settings) {
    this.parameters =
        FlatParameters.of(
            student.manager(),
            student.elementType().accumulationType(),
            TrainedParameters.of(student, settings.stage, settings.parts, settings.target));
    this.optimizer = new AdamW(student.manager(), parameters, settings.hyperparameters);
    this.objective =
        Objectives.of(settings.stage, settings.target, teacher, student, settings.recompute);
    this.step =
        new TrainingStep(
            objective, parameters, optimizer, SingleProcess.create(), settings.clipNorm);
  }

  /** Starts from the student's weights, which become part of the trajectory. */
  public static Trajectory start(LanguageModel teacher, LanguageModel student, Settings settings) {
    return new Trajectory(teacher, student, settings);
  }

  /** Losses (one for each block, or one) and gradient norm of a step, both before its update. */
  public record Step(List<Double> losses, double gradientNorm) {}

  /** Makes one update on token ids (batch, length). */
  public Step step(NDArray ids, double learningRate) {
    int sequences = (int) ids.getShape().get(0);
    TrainingStep.Outcome outcome = step.run(List.of(ids), sequences, learningRate);
    return new Step(outcome.losses(), outcome.gradientNorm());
  }

  /** Computes losses and gradients without an update. */
  public void gradients(NDArray ids) {
    objective.accumulate(ids, 1, parameters::collect);
  }

  /** The losses since the last update: one for each block, or one. */
  public double[] losses() {
    return objective.losses().read();
  }

  /** Applies an update with the gradients that are there. */
  public void update(double learningRate) {
    optimizer.update(parameters, learningRate, 1);
  }

  public FlatParameters parameters() {
    return parameters;
  }

  @Override
  public void close() {
    optimizer.close();
    parameters.close();
  }
}
