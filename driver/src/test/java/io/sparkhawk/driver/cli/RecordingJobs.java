package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.GenerateSettings;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.executor.compare.ComparisonPlan;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.Path;

/** Keeps what it was asked to do; fails with {@code failure} if that is set. */
final class RecordingJobs implements Jobs {

  final List<Record> asked = new ArrayList<>();
  final List<String> prompts = new ArrayList<>();
  Throwable failure;

  @Override
  public void prepare(PrepareSettings settings) {
    record(settings);
  }

  @Override
  public void distill(RunConfig config) {
    record(config);
  }

  @Override
  public void evaluate(EvaluateSettings settings) {
    record(settings);
  }

  @Override
  public void retrain(RetrainConfig config) {
    record(config);
  }

  @Override
  public void abandonRound(RetrainConfig config) {
    prompts.add("abandon");
    record(config);
  }

  @Override
  public void generate(GenerateSettings settings, String prompt) {
    prompts.add(prompt);
    record(settings);
  }

  @Override
  public void compare(ComparisonPlan plan, Path runFolder) {
    record(plan);
  }

  private void record(Record settings) {
    asked.add(settings);
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
  }
}
