package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.registry.ModelScores;
import io.sparkhawk.executor.stage.StageKind;
import java.util.List;

/**
 * The work of a round. Each call goes on where an interrupted one ended, and throws a {@link
 * io.sparkhawk.data.error.SparkhawkException} if it fails.
 */
public interface RoundWork {

  /** Makes the data set of the settings' output folder. */
  void prepare(PrepareSettings settings);

  /**
   * Writes the student as a stage of a run has left it.
   *
   * @param run the run, whose stages up to this one have ended
   * @param stage one of its stages
   * @param folder of the student
   */
  void exportStage(RunConfig run, StageKind stage, String folder);

  /** Trains the stages of a run and writes its student. */
  Trained distill(RunConfig config);

  /**
   * Measures models.
   *
   * @param settings on what, and with which workers; the models that they name are not used
   * @param models the folders of the models
   * @return one for each model
   */
  List<ModelScores> measure(EvaluateSettings settings, List<String> models);
}
