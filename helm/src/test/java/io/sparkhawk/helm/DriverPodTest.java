package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Toleration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DriverPodTest {

  static List<String> setsWithADriverOfTheirOwn() {
    return Chart.valueSets().stream().filter(set -> !set.startsWith("operator")).toList();
  }

  @ParameterizedTest
  @MethodSource("setsWithADriverOfTheirOwn")
  void isRestrictedAndWritesOnlyToItsVolumes(String valueSet) {
    PodSpec pod = Chart.ofSet(valueSet).driverPod().getSpec();
    Pods.assertRestricted(pod);
    Pods.Container driver = Pods.container(pod, "driver");
    assertThat(Pods.isWritable(pod, driver, "/tmp")).isTrue();
    assertThat(Pods.isWritable(pod, driver, driver.model().getWorkingDir())).isTrue();
    assertThat(Pods.isWritable(pod, driver, "/etc/sparkhawk")).isFalse();
  }

  @Test
  void theImageIsTheTagsTheDigestsOrThatOfTheChart() {
    assertThat(image("cpu")).isEqualTo("sparkhawk:0.1.0-SNAPSHOT");
    assertThat(image("gpu")).isEqualTo("registry.example.com/sparkhawk:0.1.0-gpu");
    assertThat(image("placement")).startsWith("sparkhawk@sha256:0123");
    assertThat(Chart.ofSet("gpu").driverPod().getSpec().getImagePullSecrets())
        .extracting("name")
        .containsExactly("registry");
  }

  @Test
  void theCredentialComesFromTheSecretsFields() {
    Pods.Container driver =
        Pods.container(Chart.ofSet("existing-secret").driverPod().getSpec(), "driver");
    assertThat(driver.secret("AWS_ACCESS_KEY_ID")).isEqualTo("minio/rootUser");
    assertThat(driver.secret("AWS_SECRET_ACCESS_KEY")).isEqualTo("minio/rootPassword");
    assertThat(driver.secret("AWS_SESSION_TOKEN")).isEqualTo("minio/session");
  }

  @Test
  void runsWhereTheValuesSay() {
    PodTemplateSpec pod = Chart.ofSet("placement").driverPod();
    assertThat(pod.getSpec().getNodeSelector()).containsEntry("pool", "system");
    assertThat(pod.getSpec().getTolerations())
        .extracting(Toleration::getKey)
        .containsExactly("dedicated");
    assertThat(pod.getSpec().getPriorityClassName()).isEqualTo("batch-low");
    assertThat(pod.getMetadata().getLabels()).containsEntry("team", "nlp");
    assertThat(pod.getMetadata().getAnnotations())
        .containsEntry("cluster-autoscaler.kubernetes.io/safe-to-evict", "false");
    assertThat(Pods.container(pod.getSpec(), "driver").env("HTTPS_PROXY").getValue())
        .isEqualTo("http://proxy:3128");
  }

  @Test
  void neverAsksForAGpu() {
    assertThat(
            Pods.container(Chart.ofSet("gpu").driverPod().getSpec(), "driver")
                .model()
                .getResources()
                .getLimits())
        .containsOnlyKeys("memory");
  }

  @Test
  void claimsAreMountedInDriverAndExecutors() {
    Manifests manifests = Chart.ofSet("claims");
    for (PodSpec pod :
        List.of(manifests.driverPod().getSpec(), manifests.executorTemplate().getSpec())) {
      Pods.Container container = new Pods.Container(pod.getContainers().get(0));
      assertThat(container.mounts()).containsKeys("/models", "/runs");
      assertThat(Pods.isWritable(pod, container, "/runs")).isTrue();
      assertThat(Pods.isWritable(pod, container, "/models")).isFalse();
      assertThat(Pods.volume(pod, "claim-0").getPersistentVolumeClaim().getClaimName())
          .isEqualTo("models");
    }
  }

  @Test
  void yuniKornLearnsOfBothGroupsFromTheDriver() {
    PodTemplateSpec pod = Chart.ofSet("yunikorn").driverPod();
    assertThat(pod.getSpec().getSchedulerName()).isEqualTo("yunikorn");
    assertThat(pod.getMetadata().getLabels()).containsEntry("queue", "root.training");
    assertThat(pod.getMetadata().getAnnotations())
        .containsEntry("yunikorn.apache.org/task-group-name", "driver")
        .containsEntry(
            "yunikorn.apache.org/task-groups",
            "[{\"minMember\":1,\"minResource\":{\"cpu\":\"1\",\"memory\":\"2Gi\"},\"name\":\"driver\"},"
                + "{\"minMember\":2,\"minResource\":{\"cpu\":\"4\",\"memory\":\"7168Mi\"},\"name\":\"executor\"}]");
  }

  private static String image(String valueSet) {
    return Pods.container(Chart.ofSet(valueSet).driverPod().getSpec(), "driver").model().getImage();
  }
}
