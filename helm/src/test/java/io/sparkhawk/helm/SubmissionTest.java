package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.k8s.submit.KubernetesClientApplication;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Spark's own submission in cluster mode, as the operator starts it, before an API server. */
class SubmissionTest {

  private static final KubernetesSerialization SERIALIZATION = new KubernetesSerialization();

  @Test
  void theDriverThatSparkSubmitsCarriesTheChartsSettings(@TempDir Path folder) throws Exception {
    GenericKubernetesResource application =
        Chart.ofSet("operator").ofKind("SparkApplication").orElseThrow();
    try (ApiServer server = ApiServer.start()) {
      new KubernetesClientApplication()
          .start(
              new String[] {
                "--primary-java-resource",
                application.get("spec", "mainApplicationFile"),
                "--main-class",
                application.get("spec", "mainClass"),
                "--arg",
                "distill"
              },
              conf(application, server, folder));
      Pod driver =
          server
              .client()
              .pods()
              .inNamespace(Chart.NAMESPACE)
              .withLabel("spark-role", "driver")
              .list()
              .getItems()
              .get(0);
      check(driver);
    }
  }

  private static void check(Pod driver) {
    assertThat(driver.getMetadata().getLabels())
        .containsEntry("app.kubernetes.io/instance", "mohawk")
        .containsEntry("app.kubernetes.io/component", "driver");
    PodSpec pod = driver.getSpec();
    Pods.assertRestricted(pod);
    assertThat(pod.getServiceAccountName()).isEqualTo("mohawk-sparkhawk-driver");
    assertThat(pod.getAutomountServiceAccountToken()).isTrue();
    assertThat(pod.getImagePullSecrets()).extracting("name").containsExactly("registry");
    Pods.Container container = Pods.container(pod, Pods.OPERATORS_DRIVER);
    assertThat(container.model().getImage()).isEqualTo("sparkhawk:0.1.0-SNAPSHOT");
    assertThat(container.command()).contains("io.sparkhawk.driver.cli.Main", "distill");
    assertThat(container.mounts()).containsEntry("/etc/sparkhawk", "config");
    assertThat(container.secret("AWS_ACCESS_KEY_ID")).isEqualTo("s3/AWS_ACCESS_KEY_ID");
    assertThat(Pods.isWritable(pod, container, container.env("SPARK_LOCAL_DIRS").getValue()))
        .isTrue();
  }

  /** What the operator hands to spark-submit: the application's settings and templates. */
  private static SparkConf conf(
      GenericKubernetesResource application, ApiServer server, Path folder) throws Exception {
    SparkConf conf = new SparkConf(false).setAppName("mohawk").setMaster(server.master());
    Map<String, String> settings = application.get("spec", "sparkConf");
    settings.forEach(conf::set);
    for (String role : new String[] {"driver", "executor"}) {
      Path template = folder.resolve(role + ".yaml");
      Pod pod =
          SERIALIZATION.convertValue(application.<Object>get("spec", role, "template"), Pod.class);
      Files.writeString(template, SERIALIZATION.asYaml(pod));
      conf.set("spark.kubernetes." + role + ".podTemplateFile", template.toString());
    }
    return conf.set("spark.submit.deployMode", "cluster")
        .set("spark.kubernetes.driver.podTemplateContainerName", Pods.OPERATORS_DRIVER)
        .set("spark.kubernetes.submission.waitAppCompletion", "false");
  }
}
