package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.sparkhawk.driver.metrics.MetricFamily;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;

/** PodMonitor and dashboard, against what Spark really serves with the chart's settings. */
class MonitoringTest {

  private static final Pattern METRIC = Pattern.compile("metrics_[A-Za-z0-9_]+");
  private static final Pattern RUN_METRIC = Pattern.compile("\\bsparkhawk_[a-z_]+");

  @Test
  void sparkServesWhatThePodMonitorScrapesAndTheDashboardShows() throws Exception {
    Manifests manifests = Chart.ofSet("monitoring");
    Set<String> missing = shownMetrics(manifests, METRIC);
    assertThat(missing).hasSizeGreaterThan(5);
    try (JavaSparkContext spark = new JavaSparkContext(conf(manifests))) {
      long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
      // Some are served from the first heartbeat on.
      while (!missing.isEmpty() && System.nanoTime() < deadline) {
        for (String path : scrapedPaths(manifests)) {
          METRIC
              .matcher(get(spark.sc().uiWebUrl().get() + path))
              .results()
              .forEach(match -> missing.remove(match.group()));
        }
      }
    }
    assertThat(missing).as("shown, but never served").isEmpty();
  }

  @Test
  void theDashboardShowsOnlyMetricsOfARunThatThereAre() throws IOException {
    Set<String> metrics =
        Stream.of(MetricFamily.values()).map(MetricFamily::metric).collect(Collectors.toSet());
    assertThat(shownMetrics(Chart.ofSet("monitoring"), RUN_METRIC))
        .hasSizeGreaterThan(5)
        .isSubsetOf(metrics);
  }

  @Test
  void theRulesAreThoseOfTheDistribution() throws IOException {
    Manifests manifests = Chart.ofSet("monitoring");
    GenericKubernetesResource rule = manifests.ofKind("PrometheusRule").orElseThrow();
    Object rules =
        new ObjectMapper(new YAMLFactory())
            .readValue(Path.of("../deploy/monitoring/alerts.yaml").toFile(), Map.class)
            .get("groups");
    assertThat(rule.<Object>get("spec", "groups")).isEqualTo(rules);
    assertThat(rule.getMetadata().getLabels()).containsEntry("release", "prometheus");
  }

  @Test
  void thePodMonitorFindsTheDriverAndItsPort() {
    Manifests manifests = Chart.ofSet("monitoring");
    GenericKubernetesResource monitor = manifests.ofKind("PodMonitor").orElseThrow();
    Map<String, String> selector = monitor.get("spec", "selector", "matchLabels");
    assertThat(manifests.driverPod().getMetadata().getLabels()).containsAllEntriesOf(selector);
    assertThat(manifests.executorTemplate().getMetadata().getLabels().entrySet())
        .doesNotContain(Map.entry("app.kubernetes.io/component", "driver"));
    List<Map<String, Object>> endpoints = monitor.get("spec", "podMetricsEndpoints");
    assertThat(endpoints)
        .allSatisfy(endpoint -> assertThat(endpoint).containsEntry("interval", "15s"));
    assertThat(Pods.container(manifests.driverPod().getSpec(), "driver").model().getPorts())
        .extracting(ContainerPort::getContainerPort)
        .contains((Integer) endpoints.get(0).get("portNumber"));
    assertThat(monitor.getMetadata().getLabels()).containsEntry("release", "prometheus");
  }

  @Test
  void withoutMonitoringThePageIsClosed() {
    Manifests manifests = Chart.ofSet("cpu");
    assertThat(JavaOptions.of(manifests)).doesNotContainKey("spark.ui.enabled");
    assertThat(manifests.ofKind("PodMonitor")).isEmpty();
    assertThat(manifests.of(ConfigMap.class)).hasSize(1);
    assertThat(Pods.container(manifests.driverPod().getSpec(), "driver").model().getPorts())
        .extracting(ContainerPort::getName)
        .containsExactly("rpc", "blockmanager");
  }

  @Test
  void nobodyEndsJobsThroughThePage() {
    assertThat(JavaOptions.of(Chart.ofSet("monitoring")))
        .containsEntry("spark.ui.enabled", "true")
        .containsEntry("spark.ui.killEnabled", "false");
  }

  @Test
  void grafanasSidecarFindsTheDashboard() {
    ConfigMap dashboard = Chart.ofSet("monitoring").named(ConfigMap.class, "-dashboard");
    assertThat(dashboard.getMetadata().getLabels()).containsEntry("grafana_dashboard", "1");
    assertThat(dashboard.getMetadata().getAnnotations())
        .containsEntry("grafana_folder", "Training");
  }

  private static SparkConf conf(Manifests manifests) {
    SparkConf conf = new SparkConf(false);
    JavaOptions.of(manifests).forEach(conf::set);
    return conf.setAppName("test")
        .setMaster("local[1]")
        .set("spark.driver.host", "127.0.0.1")
        .set("spark.driver.bindAddress", "127.0.0.1")
        .set("spark.driver.port", "0")
        .set("spark.driver.blockManager.port", "0")
        .set("spark.ui.port", "0")
        .set("spark.executor.heartbeatInterval", "2s")
        .remove("spark.network.crypto.enabled")
        .remove("spark.authenticate");
  }

  private static List<String> scrapedPaths(Manifests manifests) {
    List<Map<String, Object>> endpoints =
        manifests.ofKind("PodMonitor").orElseThrow().get("spec", "podMetricsEndpoints");
    return endpoints.stream().map(endpoint -> (String) endpoint.get("path")).toList();
  }

  private static Set<String> shownMetrics(Manifests manifests, Pattern metric) throws IOException {
    String json = manifests.named(ConfigMap.class, "-dashboard").getData().get("sparkhawk.json");
    Set<String> shown = new TreeSet<>();
    for (JsonNode panel : new ObjectMapper().readTree(json).get("panels")) {
      for (JsonNode target : panel.get("targets")) {
        metric
            .matcher(target.get("expr").asText())
            .results()
            .forEach(match -> shown.add(match.group()));
      }
    }
    return shown;
  }

  private static String get(String url) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(60)).build();
    HttpResponse<String> response =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    assertThat(response.statusCode()).as(url).isEqualTo(200);
    return response.body();
  }
}
