package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.rbac.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real driver of Spark in client mode, with the chart's settings, before an API server. */
class SparkDriverTest {

  private static final String DRIVER_POD = "mohawk-sparkhawk-driver-x";

  @Test
  void theRoleAllowsWhatSparkAsksForAndNoMore(@TempDir Path folder) throws Exception {
    Manifests manifests = Chart.ofSet("cpu");
    try (ApiServer server = ApiServer.start()) {
      startDriverPod(server, manifests);
      try (JavaSparkContext spark = new JavaSparkContext(conf(server, manifests, folder))) {
        List<Pod> executors = awaitExecutors(server, pods -> pods.size() == 2);
        fail(server, executors.get(0));
        awaitExecutors(
            server, pods -> ids(pods).contains("3") && !ids(pods).contains(id(executors.get(0))));
        assertThat(spark.sc().isStopped()).isFalse();
      }
      List<Right> given =
          manifests.only(Role.class).getRules().stream()
              .flatMap(rule -> Right.of(rule).stream())
              .toList();
      assertThat(server.used()).containsExactlyInAnyOrderElementsOf(given);
    }
  }

  private static void startDriverPod(ApiServer server, Manifests manifests) {
    Pod pod =
        new PodBuilder()
            .withMetadata(manifests.driverPod().getMetadata())
            .editMetadata()
            .withName(DRIVER_POD)
            .withNamespace(Chart.NAMESPACE)
            .endMetadata()
            .withSpec(manifests.driverPod().getSpec())
            .withNewStatus()
            .withPhase("Running")
            .addNewCondition()
            .withType("Ready")
            .withStatus("True")
            .endCondition()
            .endStatus()
            .build();
    server.client().resource(pod).create();
  }

  private static SparkConf conf(ApiServer server, Manifests manifests, Path folder)
      throws IOException {
    SparkConf conf = new SparkConf(false);
    JavaOptions.of(manifests).forEach(conf::set);
    Path template = folder.resolve("executor.yaml");
    Files.writeString(template, manifests.configFile("executor.yaml").orElseThrow());
    return conf.setAppName("test")
        .setMaster(server.master())
        .set("spark.kubernetes.driver.pod.name", DRIVER_POD)
        .set("spark.kubernetes.executor.podTemplateFile", template.toString())
        .set("spark.executor.instances", "2")
        .set("spark.driver.host", "127.0.0.1")
        .set("spark.driver.bindAddress", "127.0.0.1")
        .set("spark.driver.port", "0")
        .set("spark.driver.blockManager.port", "0")
        .set("spark.scheduler.maxRegisteredResourcesWaitingTime", "0s")
        .set("spark.ui.enabled", "false");
  }

  private static List<Pod> awaitExecutors(ApiServer server, Predicate<List<Pod>> condition)
      throws Exception {
    return server
        .client()
        .pods()
        .inNamespace(Chart.NAMESPACE)
        .withLabel("spark-role", "executor")
        .informOnCondition(condition)
        .get(60, TimeUnit.SECONDS);
  }

  private static List<String> ids(List<Pod> executors) {
    return executors.stream().map(SparkDriverTest::id).toList();
  }

  private static String id(Pod executor) {
    return executor.getMetadata().getLabels().get("spark-exec-id");
  }

  private static void fail(ApiServer server, Pod pod) {
    server
        .client()
        .resource(pod)
        .editStatus(
            running ->
                new PodBuilder(running)
                    .withNewStatus()
                    .withPhase("Failed")
                    .addNewContainerStatus()
                    .withName(Pods.EXECUTOR)
                    .withNewState()
                    .withNewTerminated()
                    .withExitCode(137)
                    .endTerminated()
                    .endState()
                    .endContainerStatus()
                    .endStatus()
                    .build());
  }
}
