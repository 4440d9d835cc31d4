package io.sparkhawk.driver.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.StageSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunConfigTest {

  private static final String YAML =
      """
      run: first
      teacher: teacher
      data: data
      workers: 2
      stages:
        - {name: matrix, tokens: 60K, batch-tokens: 1024, learning-rate: 3e-3}
        - {name: hidden, tokens: 160K, batch-tokens: 1024, learning-rate: 3e-3}
        - {name: distill, tokens: 320K, batch-tokens: 1024, learning-rate: 1e-3, train: all}
      """;

  private static RunConfig read(String yaml, String... assignments) {
    ConfigReader reader = ConfigReader.ofYaml("run.yaml", yaml);
    for (String assignment : assignments) {
      reader.set(assignment);
    }
    return reader.read(RunConfig.class, RunConfig::check);
  }

  @Test
  void aShortFileIsAWholeRun() {
    RunConfig config = read(YAML);
    assertThat(config.runFolder()).isEqualTo("runs/first");
    assertThat(config.computeType()).isEqualTo(ElementType.FLOAT32);
    assertThat(config.threads(8)).isEqualTo(4);
    assertThat(config.threads(1)).isEqualTo(1);
    assertThat(config.tokens()).isEqualTo(540_000);
    assertThat(config.timeouts().barrierSync()).isEqualTo(Duration.ofMinutes(5));
    assertThat(config.stages()).extracting(StageSettings::steps).containsExactly(59L, 157L, 313L);
    assertThat(config.spark()).isEmpty();
  }

  @Test
  void gpusComputeInBfloat16UnlessToldOtherwise() {
    assertThat(read(YAML, "device=gpu").computeType()).isEqualTo(ElementType.BFLOAT16);
    assertThat(read(YAML, "device=gpu", "element-type=float32").computeType())
        .isEqualTo(ElementType.FLOAT32);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "run=a/b | run: 'a/b': allowed are letters",
        "run=.. | run: '..'",
        "data= | data: '': allowed is a path or URI",
        "workers=3 | stages[0].batch-tokens: 1024: not a multiple of workers, which is 3.",
        "supervision.min-workers=3 | supervision.min-workers: 3: more than workers, which is 2.",
        "stages[1].name=matrix | stages[1].name: matrix: the stage is given twice.",
        "stages[0].name=distill | stages[1].name: hidden: out of order",
        "stages=[] | stages: []: at least one of",
        "stages[0].warmup=0.95 | stages[0]: warmup 0.95, decay 0.1: together",
        "stages[2].beta2=1 | stages[2]: beta1 0.9, beta2 1.0: both must be less than 1.",
        "student.attention-blocks=[1, 1] | student.attention-blocks: [1, 1]: a block is named"
            + " twice.",
        "spark[executor.memory]=1g | spark: executor.memory: the names of Spark's settings start"
      })
  void settingsThatContradictEachOtherAreRefused(String assignment, String message) {
    assertThatExceptionOfType(ConfigurationException.class)
        .isThrownBy(() -> read(YAML, assignment))
        .withMessageContaining(message);
  }

  @Test
  void whatDoesNotFitTheDataAndTheTeacherIsReportedAtOnce() {
    RunConfig config = read(YAML, "student.attention-blocks=[0, 6]", "stages[2].batch-tokens=1536");
    Problems fitting = Problems.in("run.yaml");
    read(YAML).checkFit(512, 6, 1024, fitting);
    assertThat(fitting.isEmpty()).isTrue();

    Problems problems = Problems.in("run.yaml");
    config.checkFit(512, 6, 256, problems);
    assertThatExceptionOfType(ConfigurationException.class)
        .isThrownBy(problems::throwIfAny)
        .withMessageContaining("has 3 problems")
        .withMessageContaining(
            "data: data: its rows have 512 tokens but the teacher teacher takes at most 256")
        .withMessageContaining("student.attention-blocks: 6: the teacher's blocks are 0 to 5.")
        .withMessageContaining(
            "stages[2].batch-tokens: 1536: not a multiple of the row length times workers,"
                + " 512 * 2 = 1024; the nearest is 2048.");
  }

  @Test
  void stagesCanBeLeftOut() {
    RunConfig config = read(YAML).withStages(List.of(StageKind.DISTILL, StageKind.MATRIX));
    assertThat(config.stages())
        .extracting(StageSettings::name)
        .containsExactly(StageKind.MATRIX, StageKind.DISTILL);
    assertThatExceptionOfType(ConfigurationException.class)
        .isThrownBy(() -> config.withStages(List.of(StageKind.HIDDEN)))
        .withMessageContaining("stages: hidden: the configuration has no such stage.");
  }

  @Test
  void stagesLeftOutCanGiveTheirTokensToTheLastOne() {
    RunConfig config = read(YAML).withStagesAtSameTotal(List.of(StageKind.DISTILL));
    assertThat(config.stages()).hasSize(1);
    assertThat(config.stages().get(0).tokens()).isEqualTo(540_000);
    assertThat(config.stages().get(0).learningRate()).isEqualTo(1e-3);
    assertThat(read(YAML).withStagesAtSameTotal(List.of(StageKind.values()))).isEqualTo(read(YAML));
  }

  @ParameterizedTest
  @CsvSource({"examples/run.yaml", "quickstart/quickstart.yaml"})
  void theFilesOfTheDistributionAreRight(String file) {
    ConfigReader reader = ConfigReader.ofFile(Path.of("../deploy", file));
    Map.of("teacher", "t", "data", "d").forEach((key, value) -> reader.set(key + "=" + value));
    assertThatCode(() -> reader.read(RunConfig.class, RunConfig::check)).doesNotThrowAnyException();
  }

  @Test
  void secretsOfSparkSettingsAreNotShown() {
    RunConfig config =
        read(
            YAML,
            "spark[spark.hadoop.fs.s3a.secret.key]=hush",
            "spark[spark.hadoop.fs.s3a.access.key]=whisper",
            "spark[spark.hadoop.fs.s3a.session.token]=murmur",
            "spark[spark.authenticate.secret]=hiss",
            "spark[spark.ssl.rpc.keyPassword]=mutter",
            "spark[spark.executorEnv.AWS_ACCESS_KEY_ID]=mumble",
            "spark[spark.hadoop.fs.azure.account.key.store]=breathe",
            "spark[spark.executor.extraJavaOptions]=-Djavax.net.ssl.trustStorePassword=sigh",
            "spark[spark.hadoop.fs.s3a.endpoint]=http://store:9000");
    assertThat(ConfigWriter.write(config.withoutSecrets()))
        .contains("http://store:9000", "(hidden)")
        .doesNotContain("hush", "whisper", "murmur", "hiss", "mutter", "mumble", "breathe", "sigh");
  }
}
