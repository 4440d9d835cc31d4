package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

/** The applications that the Kubeflow Spark operator submits. */
class OperatorTest {

  private static final KubernetesSerialization SERIALIZATION = new KubernetesSerialization();

  @Test
  void distilsOnceOrRetrainsOnASchedule() {
    assertThat(application("operator").<Object>get("spec", "arguments"))
        .isEqualTo(List.of("distill", "--config", "/etc/sparkhawk/run.yaml"));
    assertThat(Chart.ofSet("operator").ofKind("ScheduledSparkApplication")).isEmpty();
    GenericKubernetesResource scheduled =
        Chart.ofSet("operator-cron").ofKind("ScheduledSparkApplication").orElseThrow();
    assertThat(scheduled.<Object>get("spec", "template", "arguments"))
        .isEqualTo(List.of("retrain", "--config", "/etc/sparkhawk/retrain.yaml"));
    assertThat(scheduled.<Object>get("spec", "schedule")).isEqualTo("0 4 * * 0");
    assertThat(scheduled.<Object>get("spec", "timeZone")).isEqualTo("Etc/UTC");
    assertThat(scheduled.<Object>get("spec", "concurrencyPolicy")).isEqualTo("Forbid");
    assertThat(Chart.ofSet("operator-cron").ofKind("SparkApplication")).isEmpty();
  }

  @Test
  void executorsOfARetrainingHaveTheHeapOfItsTraining() {
    GenericKubernetesResource scheduled =
        Chart.ofSet("operator-cron", "retrain: {config: {training: {worker-memory: 3g}}}")
            .ofKind("ScheduledSparkApplication")
            .orElseThrow();
    assertThat(scheduled.<Object>get("spec", "template", "executor", "memory")).isEqualTo("3g");
  }

  @Test
  void startsTheProgramsClassInTheImagesJar() throws ClassNotFoundException {
    GenericKubernetesResource application = application("operator");
    Class<?> main = Class.forName(application.get("spec", "mainClass"));
    assertThat(main).hasDeclaredMethods("main");
    assertThat(application.<String>get("spec", "mainApplicationFile"))
        .isEqualTo("local:///opt/sparkhawk/jars/driver-0.1.0-SNAPSHOT.jar");
    assertThat(application.<String>get("spec", "sparkVersion"))
        .isEqualTo(org.apache.spark.package$.MODULE$.SPARK_VERSION());
  }

  @Test
  void theChartItselfStartsNoDriverThen() {
    assertThat(Chart.ofSet("operator").of(Service.class)).isEmpty();
    assertThat(Chart.ofSet("operator").configFile("java.options")).isEmpty();
    assertThat(Chart.ofSet("operator").configFile("run.yaml")).isPresent();
  }

  @Test
  void theDriverIsRestrictedAndReadsTheConfigMap() {
    PodSpec driver = template("operator", "driver").getSpec();
    Pods.assertRestricted(driver);
    Pods.Container container = Pods.container(driver, Pods.OPERATORS_DRIVER);
    assertThat(container.mounts()).containsEntry("/etc/sparkhawk", "config");
    assertThat(container.secret("AWS_SECRET_ACCESS_KEY")).isEqualTo("s3/AWS_SECRET_ACCESS_KEY");
    assertThat(application("operator").<String>get("spec", "driver", "serviceAccount"))
        .isEqualTo("mohawk-sparkhawk-driver");
  }

  @Test
  void sparkMakesTheSameExecutorsAsWithoutTheOperator() {
    GenericKubernetesResource scheduled =
        Chart.ofSet("operator-cron").ofKind("ScheduledSparkApplication").orElseThrow();
    Map<String, String> settings = scheduled.get("spec", "template", "sparkConf");
    SparkConf conf = new SparkConf(false).setMaster("k8s://https://kubernetes.default.svc");
    settings.forEach(conf::set);
    Pod pod =
        SparkPods.executor(
            conf,
            SERIALIZATION.asYaml(pod(scheduled.get("spec", "template", "executor", "template"))),
            false);
    Pods.assertRestricted(pod.getSpec());
    assertThat(Pods.container(pod.getSpec(), Pods.EXECUTOR).model().getResources().getLimits())
        .containsEntry("nvidia.com/gpu", new Quantity("1"));
    assertThat(pod.getSpec().getServiceAccountName()).isEqualTo("mohawk-sparkhawk-executor");
    assertThat(pod.getSpec().getAutomountServiceAccountToken()).isFalse();
  }

  @Test
  void settingsAreTheSameAsWithoutTheOperatorButForWhoIsTheClient() {
    Map<String, String> submitted = application("operator").get("spec", "sparkConf");
    Map<String, String> own =
        JavaOptions.of(Chart.ofSet("operator", "platform: {operator: {enabled: false}}"));
    assertThat(own).containsAllEntriesOf(submitted);
    own.keySet().removeAll(submitted.keySet());
    assertThat(own)
        .containsOnlyKeys(
            "spark.master",
            "spark.submit.deployMode",
            "spark.driver.host",
            "spark.kubernetes.executor.podTemplateFile");
  }

  private static GenericKubernetesResource application(String valueSet) {
    return Chart.ofSet(valueSet).ofKind("SparkApplication").orElseThrow();
  }

  private static PodTemplateSpec template(String valueSet, String role) {
    Map<String, Object> template = application(valueSet).get("spec", role, "template");
    return SERIALIZATION.convertValue(template, PodTemplateSpec.class);
  }

  private static Pod pod(Map<String, Object> template) {
    Pod pod = SERIALIZATION.convertValue(template, Pod.class);
    pod.setApiVersion("v1");
    pod.setKind("Pod");
    return pod;
  }
}
