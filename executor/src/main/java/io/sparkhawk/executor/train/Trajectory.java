package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.stage.DistillObjective;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import java.util.List;

/**
 * Stage-3 updates of all weights on given batches in one process: for comparison with a
 * reference's.
 */
public final class Trajectory implements AutoCloseable {

  private final FlatParameters parameters;
  private final AdamW optimizer;
  private final TrainingStep step;

  private Trajectory(
      LanguageModel teacher,
      LanguageModel student,
      AdamW.Hyperparameters hyperparameters,
      double clipNorm) {
    this.parameters =
        FlatParameters.of(
            student.manager(),
            student.elementType().accumulationType(),
            TrainedParameters.of(student, StageKind.DISTILL, TrainedParts.ALL, HiddenTarget.MIXER));
    this.optimizer = new AdamW(student.manager(), parameters, hyperparameters);
    this.step =
        new TrainingStep(
            new DistillObjective(teacher, student, false),
            parameters,
            optimizer,
            SingleProcess.create(),
            clipNorm);
  }

  /**
   * Starts from the student's weights, which become part of the trajectory.
   *
   * @param clipNorm largest norm of the gradient, 0 for any
   */
  public static Trajectory start(
      LanguageModel teacher,
      LanguageModel student,
      AdamW.Hyperparameters hyperparameters,
      double clipNorm) {
    return new Trajectory(teacher, student, hyperparameters, clipNorm);
  }

  /** Loss and gradient norm of a step, both before its update. */
  public record Step(double loss, double gradientNorm) {}

  /** Makes one update on token ids (batch, length). */
  public Step step(NDArray ids, double learningRate) {
    int sequences = (int) ids.getShape().get(0);
    TrainingStep.Outcome outcome = step.run(List.of(ids), sequences, learningRate);
    return new Step(outcome.losses().get(0), outcome.gradientNorm());
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
