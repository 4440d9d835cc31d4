package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.executor.tensor.DeviceKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.yaml.snakeyaml.Yaml;

class ConfigMapTest {

  static List<String> setsWithARun() {
    return Chart.valueSets().stream()
        .filter(set -> Chart.ofSet(set).configFile("run.yaml").isPresent())
        .toList();
  }

  @ParameterizedTest
  @MethodSource("setsWithARun")
  void theProgramReadsTheRunAsTheValuesSayIt(String valueSet) {
    Map<String, Object> values = section(Chart.merged(valueSet), "run");
    RunConfig rendered = read(Chart.ofSet(valueSet).configFile("run.yaml").orElseThrow());
    RunConfig written =
        ConfigReader.ofYaml("values", new Yaml().dump(values))
            .read(RunConfig.class, RunConfig::check);
    assertThat(rendered.stages()).isEqualTo(written.stages());
    assertThat(rendered.student()).isEqualTo(written.student());
    assertThat(rendered.runFolder()).isEqualTo(written.runFolder());
    assertThat(rendered.teacher()).isEqualTo(written.teacher());
    assertThat(rendered.data()).isEqualTo(written.data());
    assertThat(rendered.seed()).isEqualTo(written.seed());
    assertThat(rendered.workers()).isEqualTo(written.workers());
    assertThat(rendered.checkpoints()).isEqualTo(written.checkpoints());
    assertThat(rendered.timeouts()).isEqualTo(written.timeouts());
    assertThat(rendered.localCacheBytes()).isEqualTo(written.localCacheBytes());
  }

  @Test
  void whatFollowsFromThePlatformIsAdded() {
    RunConfig run = read(Chart.ofSet("gpu").configFile("run.yaml").orElseThrow());
    assertThat(run.device()).isEqualTo(DeviceKind.GPU);
    assertThat(run.threadsPerWorker()).isEqualTo(8);
    assertThat(run.localCache()).isEqualTo(Optional.of("/var/lib/sparkhawk/cache"));
    assertThat(read(Chart.ofSet("cpu").configFile("run.yaml").orElseThrow()).device())
        .isEqualTo(DeviceKind.CPU);
  }

  @Test
  void whatTheRunSaysItselfIsKept() {
    RunConfig run =
        read(
            Chart.ofSet("cpu", "run: {threads-per-worker: 1, local-cache: /tmp/cache}")
                .configFile("run.yaml")
                .orElseThrow());
    assertThat(run.threadsPerWorker()).isEqualTo(1);
    assertThat(run.localCache()).contains("/tmp/cache");
  }

  @Test
  void retrainingGetsItsFileAndThatOfARunOnlyIfThereIsOne() throws IOException {
    RetrainConfig retraining =
        readRetraining(Chart.ofSet("cron").configFile("retrain.yaml").orElseThrow());
    assertThat(retraining.training().workers()).isEqualTo(4);
    assertThat(retraining.folder()).isEqualTo("s3a://bucket/models/phi-mamba");
    assertThat(Chart.ofSet("cron").configFile("run.yaml")).isEmpty();
    assertThat(Chart.ofSet("cron-suspended").configFile("run.yaml")).isPresent();
    assertThat(Chart.ofSet("cpu").configFile("retrain.yaml")).isEmpty();
  }

  @Test
  void javaReadsEverySettingAsTheValuesSayIt(@TempDir Path folder) throws Exception {
    Manifests manifests = Chart.ofSet("placement");
    Map<String, String> properties = propertiesOfJava(manifests, folder);
    assertThat(properties)
        .containsAllEntriesOf(JavaOptions.of(manifests))
        .containsEntry("spark.executor.extraJavaOptions", "-XX:+UseZGC -Dnote=\"a b\"")
        .containsEntry("spark.kubernetes.executor.request.cores", "1500m")
        .containsEntry("spark.rpc.numRetries", "5");
  }

  @Test
  void executorsFindTheDriverByTheService() {
    assertThat(JavaOptions.of(Chart.ofSet("cpu")))
        .containsEntry("spark.master", "k8s://https://kubernetes.default.svc:443")
        .containsEntry("spark.submit.deployMode", "client")
        .containsEntry("spark.driver.host", "mohawk-sparkhawk-driver.training.svc")
        .containsEntry("spark.driver.port", "7078")
        .containsEntry("spark.driver.blockManager.port", "7079");
  }

  @Test
  void theDriverWaitsForAllExecutors() {
    assertThat(JavaOptions.of(Chart.ofSet("cpu", "platform: {executor: {startTimeout: 45m}}")))
        .containsEntry("spark.scheduler.minRegisteredResourcesRatio", "1.0")
        .containsEntry("spark.scheduler.maxRegisteredResourcesWaitingTime", "45m");
  }

  @Test
  void connectionsBetweenPodsAreAuthenticatedAndEncrypted() {
    assertThat(JavaOptions.of(Chart.ofSet("cpu")))
        .containsEntry("spark.authenticate", "true")
        .containsEntry("spark.network.crypto.enabled", "true");
  }

  @Test
  void aStoreThatIsNotAwsIsNamed() {
    assertThat(JavaOptions.of(Chart.ofSet("existing-secret")))
        .containsEntry("spark.hadoop.fs.s3a.endpoint", "https://minio.storage.svc:9000")
        .containsEntry("spark.hadoop.fs.s3a.endpoint.region", "us-east-1")
        .containsEntry("spark.hadoop.fs.s3a.path.style.access", "true");
  }

  @Test
  void workloadIdentityIsAskedForByItsProvider() throws ClassNotFoundException {
    String provider =
        JavaOptions.of(Chart.ofSet("workload-identity"))
            .get("spark.hadoop.fs.s3a.aws.credentials.provider");
    assertThat(Class.forName(provider))
        .isAssignableTo(
            Class.forName("software.amazon.awssdk.auth.credentials.AwsCredentialsProvider"));
  }

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.Chart#valueSets")
  void noSettingOfSparkHoldsASecret(String valueSet) {
    String text = Chart.ofSet(valueSet).text();
    assertThat(text).doesNotContainIgnoringCase("spark.hadoop.fs.s3a.secret", "access.key");
  }

  private static RunConfig read(String yaml) {
    return ConfigReader.ofYaml("run.yaml", yaml).read(RunConfig.class, RunConfig::check);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> section(Map<String, Object> values, String name) {
    return (Map<String, Object>) values.get(name);
  }

  /** The properties that java itself takes from the file. */
  private static Map<String, String> propertiesOfJava(Manifests manifests, Path folder)
      throws IOException, InterruptedException {
    Path options = folder.resolve("java.options");
    Files.writeString(options, manifests.configFile("java.options").orElseThrow());
    Path output = folder.resolve("output");
    Process java =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + options,
                "-XshowSettings:properties",
                "-version")
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    assertThat(java.waitFor(60, TimeUnit.SECONDS)).isTrue();
    Map<String, String> properties = new TreeMap<>();
    for (String line : Files.readAllLines(output)) {
      int equals = line.indexOf(" = ");
      if (equals > 0) {
        properties.put(line.substring(0, equals).strip(), line.substring(equals + 3));
      }
    }
    return properties;
  }

  private static RetrainConfig readRetraining(String yaml) throws IOException {
    Path file = Files.createTempFile("retrain", ".yaml");
    try {
      return RetrainConfig.read(Files.writeString(file, yaml).toString(), List.of());
    } finally {
      Files.delete(file);
    }
  }
}
