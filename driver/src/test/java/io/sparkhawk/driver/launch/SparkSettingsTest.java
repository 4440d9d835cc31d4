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
  void anExecutorOnAClusterHasOneGpuAndOneWorkerOnIt() {
    SparkConf conf =
        SparkSettings.of(
            "run",
            cluster(2, 1, "1g").onGpus(true),
            Map.of("spark.master", "spark://head:7077"),
            FOLDER);
    assertThat(conf.get("spark.executor.resource.gpu.amount")).isEqualTo("1");
    assertThat(conf.get("spark.task.resource.gpu.amount")).isEqualTo("1");
  }

  @Test
  void wrongGpuSettingsAreReportedAtOnceWithTheRightOnes() {
    Map<String, String> given =
        Map.of(
            "spark.master", "k8s://https://head:6443",
            "spark.executor.resource.gpu.amount", "2",
            "spark.task.resource.gpu.amount", "0.5");
    assertThatThrownBy(
            () -> SparkSettings.of("run", cluster(2, 1, "1g").onGpus(true), given, FOLDER))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("spark.executor.resource.gpu.amount is 2")
        .hasMessageContaining("spark.task.resource.gpu.amount is 0.5")
        .hasMessageContaining("set it to 1")
        .hasMessageContaining("spark.executor.resource.gpu.discoveryScript is not set");
    assertThat(SparkSettings.of("run", cluster(2, 1, "1g"), given, FOLDER)).isNotNull();
  }

  @Test
  void settingsOfOtherKindsOfJobsAreRefusedTogether() {
    Map<String, String> given =
        Map.of(
            "spark.master", "spark://head:7077",
            "spark.barrier.sync.timeout", "365d",
            "spark.executor.userClassPathFirst", "true",
            "spark.executor.cores", "4",
            "spark.cores.max", "7");
    assertThatThrownBy(() -> settings(2, given))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("spark.barrier.sync.timeout is 365d")
        .hasMessageContaining("set it to 120s")
        .hasMessageContaining("spark.executor.userClassPathFirst is true")
        .hasMessageContaining("spark.cores.max is 7")
        .hasMessageContaining("set it to 8");
  }

  @Test
  void aStandaloneClusterGivesNoMoreThanTheWorkersNeed() {
    Map<String, String> given =
        Map.of("spark.master", "spark://head:7077", "spark.executor.cores", "4");
    assertThat(settings(2, given).get("spark.cores.max")).isEqualTo("8");
  }

  @Test
  void whatIsSubmittedLeavesOutTheRunsOwnSettings() {
    ClusterSettings own =
        new ClusterSettings(2, 1, "1g", Map.of("spark.hadoop.fs.s3a.secret.key", "secret"));
    assertThat(ClusterSession.submitted(own, Map.of("spark.master", "yarn")))
        .containsEntry("spark.executor.instances", "2")
        .containsEntry("spark.dynamicAllocation.enabled", "false")
        .doesNotContainKeys("spark.hadoop.fs.s3a.secret.key", "spark.master");
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

  @Test
  void aRunThatIsWatchedHasAnInterfaceOnLoopbackAndKeepsItsEvents() {
    SparkConf conf = SparkSettings.of("run", watched(), Map.of(), FOLDER);
    assertThat(conf.get("spark.ui.enabled")).isEqualTo("true");
    assertThat(conf.get("spark.ui.killEnabled")).isEqualTo("false");
    assertThat(conf.clone().getenv("SPARK_LOCAL_IP")).isEqualTo("127.0.0.1");
    assertThat(conf.get("spark.eventLog.dir")).isEqualTo("file:/runs/x/events");
    assertThat(settings(2, Map.of()).get("spark.ui.enabled")).isEqualTo("false");
  }

  @Test
  void whoSaysSomethingOfInterfaceAndEventsIsHeard() {
    Map<String, String> given =
        Map.of("spark.ui.enabled", "false", "spark.eventLog.enabled", "false");
    SparkConf conf = SparkSettings.of("run", watched(), given, FOLDER);
    assertThat(conf.get("spark.ui.enabled")).isEqualTo("false");
    assertThat(conf.get("spark.eventLog.enabled")).isEqualTo("false");
    assertThat(conf.contains("spark.eventLog.dir")).isFalse();
  }

  @Test
  void onAClusterTheInterfaceIsSparksAndInPodsTheChartsToOpen() {
    SparkConf conf =
        SparkSettings.of("run", watched(), Map.of("spark.master", "spark://h:7077"), FOLDER);
    assertThat(conf.get("spark.ui.enabled")).isEqualTo("true");
    assertThat(conf.contains("spark.eventLog.dir")).isFalse();
    SparkConf pods =
        SparkSettings.of("run", watched(), Map.of("spark.master", "k8s://https://h"), FOLDER);
    assertThat(pods.get("spark.ui.enabled")).isEqualTo("false");
  }

  private static ClusterSettings watched() {
    return cluster(2, 1, "1g").watched("file:/runs/x/events");
  }

  private static SparkConf settings(int workers, Map<String, String> given) {
    return SparkSettings.of("run", cluster(workers, 1, "1g"), given, FOLDER);
  }

  private static ClusterSettings cluster(int workers, int threads, String memory) {
    return new ClusterSettings(workers, threads, memory, Map.of());
  }
}
