package io.sparkhawk.driver.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.plan.RunPlan.Assumptions;
import io.sparkhawk.driver.plan.RunPlan.Scaling;
import io.sparkhawk.driver.plan.RunPlan.StagePlan;
import io.sparkhawk.executor.model.PhiConfig;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlannerTest {

  private static final double GIB = 1L << 30;
  private static final Path EXAMPLES = Path.of("../deploy/examples");
  private static final RowLength LENGTH = new RowLength(2048, "of the test");

  private static RunPlan plan(Gpu gpu, OptionalDouble utilisation, String... assignments) {
    ConfigReader reader = ConfigReader.ofFile(EXAMPLES.resolve("phi-1.5.yaml"));
    List.of(assignments).forEach(reader::set);
    RunConfig config = reader.read(RunConfig.class, RunConfig::check);
    return Planner.plan(
        config,
        PhiConfig.read(EXAMPLES.resolve("phi-1_5")),
        LENGTH,
        new Assumptions(gpu, utilisation, OptionalDouble.of(2.5)));
  }

  private static RunPlan plan(String... assignments) {
    return plan(Gpu.H100, OptionalDouble.empty(), assignments);
  }

  private static StagePlan distill(String... assignments) {
    List<StagePlan> stages = plan(assignments).stages();
    return stages.get(stages.size() - 1);
  }

  /** One GPU or two, as they were measured: 8 sequences each. */
  private static StagePlan measured(int gpus, boolean sharded) {
    return distill(
        "workers=" + gpus,
        "shard-optimizer=" + sharded,
        "stages[2].micro-batch=0",
        "stages[2].batch-tokens=" + gpus * 8 * 2048);
  }

  @Test
  void teacherHasTheParametersOfPhi15() {
    long width = 2048;
    long attention = 4 * (width * width + width);
    long mlp = width * 8192 + 8192 + 8192 * width + width;
    long block = attention + mlp + 2 * width;
    long embedding = 51200 * width;
    long head = 51200 * width + 51200;

    assertThat(plan().teacherParameters())
        .isEqualTo(embedding + 24 * block + 2 * width + head)
        .isEqualTo(1_418_270_720);
  }

  @Test
  void quickstartTeacherHasTheParametersOfItsFile() throws IOException {
    Path folder = Path.of("../deploy/quickstart/teacher");
    long weights;
    try (RandomAccessFile file =
        new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "r")) {
      byte[] header = new byte[(int) Long.reverseBytes(file.readLong())];
      file.readFully(header);
      assertThat(new String(header, StandardCharsets.UTF_8)).contains("BF16").doesNotContain("F32");
      weights = (file.length() - Long.BYTES - header.length) / Short.BYTES;
    }
    RunConfig config = ConfigReader.ofFile(EXAMPLES.resolve("phi-1.5.yaml")).read(RunConfig.class);

    RunPlan plan =
        Planner.plan(
            config,
            PhiConfig.read(folder),
            new RowLength(256, "of the test"),
            new Assumptions(Gpu.H100, OptionalDouble.empty(), OptionalDouble.empty()));

    assertThat(plan.teacherParameters()).isEqualTo(weights);
    assertThat(plan.price()).isNull();
  }

  @Test
  void trainedAndFrozenParametersAreAllOfTheStudent() {
    RunPlan plan = plan();
    // A mixer: x, B, C, z and A of the projection; convolution with bias; z's bias, D, output.
    long width = 2048;
    long mixer = (4 * width + 32) * width + 3 * width * 5 + width + 32 + width * width;
    assertThat(plan.stages())
        .allSatisfy(
            stage ->
                assertThat(stage.trainedParameters() + stage.frozenParameters())
                    .isEqualTo(plan.studentParameters()));
    assertThat(plan.stages().get(1).trainedParameters()).isEqualTo(24 * mixer);
    assertThat(plan.stages().get(2).frozenParameters()).isZero();
  }

  @Test
  void stepsAreTokensOverBatchRoundedUp() {
    RunPlan plan = plan();
    assertThat(plan.stages()).extracting(StagePlan::steps).containsExactly(2442L, 4883L, 5265L);
    assertThat(plan.stages()).extracting(StagePlan::sequencesPerGpu).containsExactly(2, 2, 32);
    assertThat(plan.stages()).extracting(StagePlan::microBatch).containsExactly(2, 2, 8);
  }

  @Test
  void hoursAndPriceFollowFromStepsAndTheirTime() {
    RunPlan plan = plan();
    double seconds =
        plan.stages().stream().mapToDouble(s -> s.steps() * s.speed().stepSeconds()).sum();
    assertThat(plan.hours()).isCloseTo(seconds / 3600, within(1e-9));
    assertThat(plan.price()).isCloseTo(seconds / 3600 * 8 * 2.5, within(1e-6));
  }

  @Test
  void checkpointsHoldThreeFloatsOfEachTrainedWeight() {
    StagePlan stage = distill();
    assertThat(stage.checkpoints().bytes()).isEqualTo(12 * stage.trainedParameters());
    assertThat(stage.checkpoints().count()).isEqualTo(11); // after 500, 1000, ... 5000 and 5265
  }

  @Test
  void storageIsThatOfTheLastStageBeforeItsLastDeletion() {
    RunPlan plan = plan("checkpoints.keep=1");
    long first = plan.stages().get(0).checkpoints().bytes();
    long second = plan.stages().get(1).checkpoints().bytes();
    long third = plan.stages().get(2).checkpoints().bytes();
    assertThat(plan.storageBytes())
        .isEqualTo(first + second + 2 * third + 4 * plan.studentParameters());
  }

  @ParameterizedTest(name = "{0} GPUs, sharded {1}")
  @CsvSource({
    "1, false, 41924",
    "2, false, 78750",
    "2, true, 81826",
  })
  void speedIsWithinTwoPercentOfWhatWasMeasured(int gpus, boolean sharded, double tokensPerSecond) {
    assertThat(measured(gpus, sharded).speed().tokensPerSecond() / tokensPerSecond)
        .isCloseTo(1, within(0.02));
  }

  @ParameterizedTest(name = "{0} GPUs, sharded {1}")
  @CsvSource({"1, false, 50.8", "2, false, 51.57", "2, true, 43.1"})
  void memoryIsWithinATwentiethOfWhatWasMeasured(int gpus, boolean sharded, double gib) {
    assertThat(measured(gpus, sharded).memory().total() / GIB / gib).isCloseTo(1, within(0.05));
  }

  @Test
  void measurementsAreThoseOfTheResultsFile() throws IOException {
    JsonNode results =
        new ObjectMapper()
            .readTree(Path.of("../deploy/benchmark/results/nvidia-h100-80gb-hbm3.json").toFile())
            .path("gpus")
            .path("1")
            .path("all");
    int compared = 0;
    for (Measurements.Entry entry : Measurements.all()) {
      for (JsonNode result : results.path(entry.stage().label())) {
        if (result.path("batch").asInt() == entry.batch() && !entry.recompute()) {
          assertThat(entry.tokensPerSecond())
              .as(entry.toString())
              .isEqualTo(result.path("tokens_per_second").asDouble());
          compared++;
        }
      }
    }
    assertThat(compared).isEqualTo(6);
  }

  @Test
  void stageThatWasMeasuredIsPlannedAsMeasured() {
    assertThat(measured(1, false).speed().source()).isEqualTo("measured");
    assertThat(measured(1, false).speed().oneGpuTokensPerSecond()).isCloseTo(41_924, within(1.0));
    assertThat(plan().stages().get(0).speed().source()).isEqualTo("interpolated");
    assertThat(plan("student.state-size=32").stages().get(2).speed().source()).isEqualTo("assumed");
    assertThat(plan(Gpu.A100, OptionalDouble.empty()).stages().get(2).speed().source())
        .isEqualTo("assumed");
  }

  @Test
  void utilisationOfAMeasuredStageIsThatOfTheBenchmark() {
    // "mfu" of the results file, whose operations the benchmark counted.
    assertThat(measured(1, false).speed().utilisation()).isCloseTo(0.4797, within(5e-4));
  }

  @Test
  void gradientsOfOneMicroBatchAloneAreKeptInBfloat16() {
    StagePlan one = distill("gradient-type=bfloat16", "stages[2].micro-batch=0");
    StagePlan several = distill("gradient-type=bfloat16");
    assertThat(one.memory().parts().get("gradients")).isEqualTo(2 * one.trainedParameters());
    assertThat(several.memory().parts().get("gradients"))
        .isEqualTo(4 * several.trainedParameters());
    assertThat(several.exchange().gradientBytes())
        .isCloseTo(2 * one.exchange().gradientBytes(), within(1.0));
  }

  @Test
  void givenUtilisationIsThatOfOnePassOnOneGpu() {
    StagePlan stage = plan(Gpu.L40S, OptionalDouble.of(0.3), "workers=1").stages().get(2);
    double passes = 524_288 * stage.flopsPerToken() / (0.3 * 362e12);
    double update = 30 * stage.trainedParameters() / (0.81 * 0.864e12);
    assertThat(stage.speed().source()).isEqualTo("given");
    assertThat(stage.speed().stepSeconds()).isCloseTo(passes + update, within(1e-6));
    assertThat(stage.speed().exposedSeconds()).isZero();
  }

  @Test
  void whatDoesNotFitComesWithSettingsThatDo() {
    StagePlan stage = plan(Gpu.L4, OptionalDouble.empty()).stages().get(2);
    assertThat(stage.memory().fits()).isFalse();
    assertThat(stage.memory().advice()).contains("micro-batches of");
    assertThat(distill().memory().fits()).isTrue();
    assertThat(distill().memory().advice()).isEmpty();
  }

  @Test
  void efficiencyFallsWithGpusAndRisesWithTheNetwork() {
    for (StagePlan stage : plan().stages()) {
      for (String link : List.of("400G", "25G")) {
        List<Double> efficiency =
            stage.scaling().stream()
                .filter(row -> row.gpus() <= 8 || row.link().equals(link))
                .map(Scaling::efficiency)
                .toList();
        assertThat(efficiency).hasSize(10).isSortedAccordingTo((a, b) -> Double.compare(b, a));
        assertThat(efficiency.get(0)).isEqualTo(1);
      }
      for (int gpus = 16; gpus <= 512; gpus *= 2) {
        assertThat(efficiency(stage, gpus, "400G")).isGreaterThan(efficiency(stage, gpus, "25G"));
      }
    }
  }

  private static double efficiency(StagePlan stage, int gpus, String link) {
    return stage.scaling().stream()
        .filter(row -> row.gpus() == gpus && row.link().equals(link))
        .findFirst()
        .orElseThrow()
        .efficiency();
  }

  @Test
  void batchThatCannotBeSharedHasNoFigures() {
    Scaling most = distill().scaling().get(distill().scaling().size() - 1);
    assertThat(most.gpus()).isEqualTo(512); // 256 sequences
    assertThat(most.sameBatchTokensPerSecond()).isNull();
    assertThat(most.sameBatchEfficiency()).isNull();
  }
}
