package io.sparkhawk.driver.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.ConfigurationException;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

class SparkSettingsTest {

  private static final Path FOLDER = Path.of("/tmp/some-run");

  @Test
  void withoutAMasterTheWorkersAreProcessesOfThisMachineOnLoopback() {
    SparkConf conf = settings(4, Map.of());
    assertThat(conf.get("spark.master")).isEqualTo("sparkhawk-local[4]");
    assertThat(conf.get("spark.driver.bindAddress")).isEqualTo("127.0.0.1");
    assertThat(conf.get("spark.authenticate")).isEqualTo("true");
    assertThat(conf.get("spark.authenticate.secret")).hasSizeGreaterThan(40);
    assertThat(conf.get("spark.sparkhawk.local.folder")).isEqualTo(FOLDER.toString());
  }

  @Test
  void everyRunOnThisMachineHasItsOwnSecret() {
    assertThat(settings(1, Map.of()).get("spark.authenticate.secret"))
        .isNotEqualTo(settings(1, Map.of()).get("spark.authenticate.secret"));
  }

  @Test
  void aGivenMasterIsUsed() {
    SparkConf conf = settings(4, Map.of("spark.master", "spark://head:7077"));
    assertThat(conf.get("spark.master")).isEqualTo("spark://head:7077");
    assertThat(conf.contains("spark.authenticate")).isFalse();
    assertThat(conf.get("spark.executor.instances")).isEqualTo("4");
  }

  @Test
  void anExecutorRunsOneTaskAtATime() {
    SparkConf conf =
        settings(2, Map.of("spark.master", "spark://head:7077", "spark.executor.cores", "8"));
    assertThat(conf.get("spark.task.cpus")).isEqualTo("8");
  }

  @Test
  void otherPluginsStay() {
    assertThat(settings(2, Map.of("spark.plugins", "org.example.Other")).get("spark.plugins"))
        .isEqualTo("org.example.Other,io.sparkhawk.driver.coordinator.CoordinatorPlugin");
  }

  @Test
  void threadsOfTensorOperationsAreLimitedInEveryExecutor() {
    SparkConf conf = SparkSettings.of("run", cluster(2, 3, "1g"), Map.of(), FOLDER);
    assertThat(conf.get("spark.executorEnv.OMP_NUM_THREADS")).isEqualTo("3");
    assertThat(conf.get("spark.executorEnv.MKL_NUM_THREADS")).isEqualTo("3");
  }

  @Test
  void allContradictionsAreReportedAtOnceWithKeyAndValue() {
    Map<String, String> given =
        Map.of(
            "spark.master", "yarn",
            "spark.dynamicAllocation.enabled", "true",
            "spark.speculation", "true",
            "spark.task.maxFailures", "4",
            "spark.executor.instances", "3",
            "spark.executor.cores", "4",
            "spark.task.cpus", "1");
    assertThatThrownBy(() -> SparkSettings.of("run", cluster(4, 1, "lots"), given, FOLDER))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("spark.dynamicAllocation.enabled is true")
        .hasMessageContaining("spark.speculation is true")
        .hasMessageContaining("spark.task.maxFailures is 4")
        .hasMessageContaining("spark.executor.instances is 3")
        .hasMessageContaining("needs 4 workers")
        .hasMessageContaining("spark.task.cpus is 1")
        .hasMessageContaining("worker-memory is lots");
  }

  @Test
  void workersInOneProcessAreRefused() {
    assertThatThrownBy(() -> settings(2, Map.of("spark.master", "local[*]")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("local[*]")
        .hasMessageContaining("2 workers");
    assertThat(settings(1, Map.of("spark.master", "local[1]")).get("spark.master"))
        .isEqualTo("local[1]");
  }

  private static SparkConf settings(int workers, Map<String, String> given) {
    return SparkSettings.of("run", cluster(workers, 1, "1g"), given, FOLDER);
  }

  private static ClusterSettings cluster(int workers, int threads, String memory) {
    return new ClusterSettings(workers, threads, memory, Map.of());
  }
}
