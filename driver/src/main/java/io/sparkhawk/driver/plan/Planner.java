package io.sparkhawk.driver.plan;

import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.plan.RunPlan.Assumptions;
import io.sparkhawk.driver.plan.RunPlan.Checkpoints;
import io.sparkhawk.driver.plan.RunPlan.StagePlan;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StageSizes;
import java.util.List;
import java.util.Locale;

/** Makes the plan of a run. */
public final class Planner {

  private static final double HOUR = 3600;

  private final RunConfig config;
  private final PhiConfig teacher;
  private final StudentConfig student;
  private final RowLength length;
  private final Assumptions assumptions;

  private Planner(RunConfig config, PhiConfig teacher, RowLength length, Assumptions assumptions) {
    this.config = config;
    this.teacher = teacher;
    this.student = StudentConfig.of(teacher, config.student());
    this.length = length;
    this.assumptions = assumptions;
  }

  /**
   * Plans a configuration that has been checked, for its number of workers.
   *
   * @throws io.sparkhawk.data.error.ConfigurationException if the student does not fit the teacher
   */
  public static RunPlan plan(
      RunConfig config, PhiConfig teacher, RowLength length, Assumptions assumptions) {
    return new Planner(config, teacher, length, assumptions).run();
  }

  private RunPlan run() {
    List<StagePlan> stages = config.stages().stream().map(this::stage).toList();
    long studentWeights = sizes(config.stages().get(0)).studentWeights();
    long studentBytes = Float.BYTES * studentWeights;
    double hours = stages.stream().mapToDouble(StagePlan::hours).sum();
    return new RunPlan(
        config.run(),
        assumptions.gpu().label(),
        config.workers(),
        ElementType.BFLOAT16.name().toLowerCase(Locale.ROOT),
        length.tokens(),
        length.from(),
        sizes(config.stages().get(0)).teacherWeights(),
        studentWeights,
        stages,
        hours,
        price(hours),
        studentBytes,
        studentBytes + checkpointBytes(stages));
  }

  private StageSizes sizes(StageSettings stage) {
    return new StageSizes(teacher, student, stage, length.tokens());
  }

  private Double price(double hours) {
    double each = assumptions.pricePerGpuHour().orElse(Double.NaN);
    return Double.isNaN(each) ? null : (Double) (hours * config.workers() * each);
  }

  private StagePlan stage(StageSettings stage) {
    StageSizes sizes = sizes(stage);
    StageForecast forecast = StageForecast.of(sizes, config, assumptions);
    double hours = stage.steps() * forecast.speed().stepSeconds() / HOUR;
    return new StagePlan(
        stage.name().label(),
        sizes.trainedWeights(),
        sizes.studentWeights() - sizes.trainedWeights(),
        stage.steps() * stage.batchTokens(),
        stage.steps(),
        stage.batchTokens(),
        forecast.sequences(),
        forecast.microBatch(),
        forecast.memory(),
        sizes.flopsPerToken(),
        forecast.speed(),
        hours,
        price(hours),
        forecast.exchange(),
        checkpoints(sizes),
        forecast.scaling());
  }

  /** Each holds the weights that are trained and their two moments, in float32. */
  private Checkpoints checkpoints(StageSizes sizes) {
    long every = config.checkpoints().everySteps();
    long count = (sizes.stage().steps() + every - 1) / every; // the end is one, wherever it falls
    return new Checkpoints(
        3L * Float.BYTES * sizes.trainedElements(),
        count,
        Math.min(count, config.checkpoints().keep()));
  }

  /** Old ones go when a newer one is published, so that there is one more for a while. */
  private static long checkpointBytes(List<StagePlan> stages) {
    long most = 0;
    long before = 0;
    for (StagePlan stage : stages) {
      Checkpoints saved = stage.checkpoints();
      most = Math.max(most, before + Math.min(saved.count(), saved.kept() + 1) * saved.bytes());
      before += saved.kept() * saved.bytes();
    }
    return most;
  }
}
