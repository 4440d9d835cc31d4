package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.GenerateSettings;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.executor.compare.ComparisonPlan;
import org.apache.hadoop.fs.Path;

/**
 * The work behind the commands. It ends with its results written and announced, or throws a {@link
 * io.sparkhawk.data.error.SparkhawkException}.
 */
public interface Jobs {

  /** Makes a data set of documents; does nothing if it is there already. */
  void prepare(PrepareSettings settings);

  /** Trains the stages of a run, or those that are left, and writes the student and the report. */
  void distill(RunConfig config);

  /** Measures models: perplexity on the held-out rows of a data set, and tasks. */
  void evaluate(EvaluateSettings settings);

  /**
   * Trains on what is new in a corpus, and puts the student into production if it is good enough.
   */
  void retrain(RetrainConfig config);

  /** Gives up the round of retraining that has not ended. */
  void abandonRound(RetrainConfig config);

  /** Writes a model's continuation of the prompt. */
  void generate(GenerateSettings settings, String prompt);

  /** Compares a teacher with its student and keeps that in the run's folder. */
  void compare(ComparisonPlan plan, Path runFolder);
}
