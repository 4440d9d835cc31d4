package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.GenerateSettings;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.launch.ClusterSettings;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.executor.compare.ComparisonPlan;
import java.util.Optional;
import org.apache.hadoop.fs.Path;

/** Does nothing but keep what workers a command, whose settings are right, asks for. */
final class CheckedJobs implements Jobs {

  private ClusterSettings cluster;

  /** The workers, if the command has some. */
  Optional<ClusterSettings> cluster() {
    return Optional.ofNullable(cluster);
  }

  @Override
  public void prepare(PrepareSettings settings) {}

  @Override
  public void distill(RunConfig config) {
    cluster = Plans.cluster(config);
  }

  @Override
  public void evaluate(EvaluateSettings settings) {
    cluster = Plans.cluster(settings);
  }

  @Override
  public void retrain(RetrainConfig config) {
    cluster = Plans.cluster(config.training());
  }

  @Override
  public void abandonRound(RetrainConfig config) {}

  @Override
  public void generate(GenerateSettings settings, String prompt) {}

  @Override
  public void compare(ComparisonPlan plan, Path runFolder) {}
}
