package io.sparkhawk.driver.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigWriterTest {

  private static RunConfig example() {
    return ConfigReader.ofFile(Path.of("../deploy/examples/run.yaml"))
        .set("element-type=float64")
        .set("student.attention-blocks=[1, 3]")
        .set("spark[spark.executor.memory]=4g")
        .set("timeouts.heartbeat=1500ms")
        .read(RunConfig.class);
  }

  private static RunConfig reread(RunConfig config) {
    return ConfigReader.ofYaml("written", ConfigWriter.write(config)).read(RunConfig.class);
  }

  @Test
  void whatIsWrittenIsReadAsTheSameSettings() {
    assertThat(reread(example())).isEqualTo(example());
    assertThat(ConfigWriter.write(example()))
        .contains(
            "run: my-student\n",
            "element-type: float64\n",
            "  attention-blocks: [1, 3]\n",
            "stages:\n  - name: matrix\n    tokens: 80000000\n",
            "  heartbeat: 1500ms\n",
            "spark:\n  spark.executor.memory: 4g\n")
        .doesNotContain("local-cache:");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null", "~", "", " ", "a: b", "# no", "it's \"so\"", "back\\slash", "two\nlines",
            "tab\there",
        "s3a://bucket/a b", "[x]", "{x}", "- x", "*x", "ü €", "true", "1e3", "\u0000",
            "\uD83D\uDE00"
      })
  void anyTextSurvives(String text) {
    RunConfig config = example();
    RunConfig with =
        new RunConfig(
            config.run(),
            config.storage(),
            text,
            config.data(),
            config.seed(),
            config.shuffleBlock(),
            config.workers(),
            config.threadsPerWorker(),
            config.workerMemory(),
            config.device(),
            config.elementType(),
            config.shardOptimizer(),
            config.gradientType(),
            config.student(),
            config.warmStart(),
            config.stages(),
            config.checkpoints(),
            config.evaluation(),
            config.timeouts(),
            config.security(),
            config.supervision(),
            config.localCache(),
            config.localCacheBytes(),
            config.spark());
    assertThat(reread(with)).isEqualTo(with);
  }
}
