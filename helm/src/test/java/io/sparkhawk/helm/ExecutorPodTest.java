package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Toleration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Executors as Spark's own builder makes them of the chart's settings and pod template. */
class ExecutorPodTest {

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.DriverPodTest#setsWithADriverOfTheirOwn")
  void isRestrictedAndWritesOnlyToItsVolumes(String valueSet) {
    PodSpec pod = SparkPods.executor(Chart.ofSet(valueSet)).getSpec();
    Pods.assertRestricted(pod);
    Pods.Container executor = Pods.container(pod, Pods.EXECUTOR);
    assertThat(Pods.isWritable(pod, executor, "/tmp")).isTrue();
    assertThat(Pods.isWritable(pod, executor, "/var/lib/sparkhawk/cache")).isTrue();
    assertThat(Pods.isWritable(pod, executor, executor.env("SPARK_LOCAL_DIRS").getValue()))
        .isTrue();
    assertThat(Pods.isWritable(pod, executor, executor.model().getWorkingDir())).isTrue();
    assertThat(pod.getAutomountServiceAccountToken()).isFalse();
  }

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.DriverPodTest#setsWithADriverOfTheirOwn")
  void belongsToTheReleaseAndIsNoDriver(String valueSet) {
    assertThat(SparkPods.executor(Chart.ofSet(valueSet)).getMetadata().getLabels())
        .containsEntry("app.kubernetes.io/instance", "mohawk")
        .containsEntry("app.kubernetes.io/component", "executor")
        .containsEntry("spark-role", "executor");
  }

  @Test
  void asksForOneGpuAndToleratesItsNodes() {
    Pod pod = SparkPods.executor(Chart.ofSet("gpu"));
    Pods.Container executor = Pods.container(pod.getSpec(), Pods.EXECUTOR);
    assertThat(executor.model().getResources().getLimits())
        .containsEntry("nvidia.com/gpu", new Quantity("1"));
    assertThat(pod.getSpec().getTolerations())
        .extracting(Toleration::getKey)
        .contains("nvidia.com/gpu");
    assertThat(pod.getSpec().getNodeSelector())
        .containsEntry("nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3");
    assertThat(pod.getSpec().getRuntimeClassName()).isEqualTo("nvidia");
    assertThat(JavaOptions.of(Chart.ofSet("gpu")))
        .containsEntry("spark.task.resource.gpu.amount", "1")
        .containsEntry(
            "spark.executor.resource.gpu.discoveryScript", "/opt/sparkhawk/bin/gpu-discovery");
  }

  @Test
  void withoutGpusNoneIsAskedFor() {
    Pod pod = SparkPods.executor(Chart.ofSet("cpu"));
    assertThat(Pods.container(pod.getSpec(), Pods.EXECUTOR).model().getResources().getLimits())
        .containsOnlyKeys("memory");
    assertThat(pod.getSpec().getTolerations()).isEmpty();
  }

  @Test
  void hasTheHeapAndTheMemoryBesideItAndTheCoresOfTheValues() {
    Map<String, Quantity> requests =
        Pods.container(SparkPods.executor(Chart.ofSet("gpu")).getSpec(), Pods.EXECUTOR)
            .model()
            .getResources()
            .getRequests();
    // The heap of the run (8g) comes from the program, which reads it in run.yaml; here it is 1g.
    assertThat(requests).containsEntry("memory", new Quantity("50176Mi"));
    assertThat(requests).containsEntry("cpu", new Quantity("8"));
  }

  @Test
  void sharedMemoryIsMemoryOfTheSizeGiven() {
    PodSpec pod = SparkPods.executor(Chart.ofSet("gpu")).getSpec();
    String volume = Pods.container(pod, Pods.EXECUTOR).mounts().get("/dev/shm");
    assertThat(Pods.volume(pod, volume).getEmptyDir().getMedium()).isEqualTo("Memory");
    assertThat(Pods.volume(pod, volume).getEmptyDir().getSizeLimit())
        .isEqualTo(new Quantity("8Gi"));
  }

  @Test
  void theAccountImageAndPullSecretsAreTheChartsOwn() {
    PodSpec pod = SparkPods.executor(Chart.ofSet("gpu")).getSpec();
    assertThat(pod.getServiceAccountName()).isEqualTo("mohawk-sparkhawk-executor");
    assertThat(Pods.container(pod, Pods.EXECUTOR).model().getImage())
        .isEqualTo("registry.example.com/sparkhawk:0.1.0-gpu");
    assertThat(pod.getImagePullSecrets()).extracting("name").containsExactly("registry");
  }

  @Test
  void theCredentialComesFromTheSecretAndIsNowhereInTheText() {
    PodSpec pod = SparkPods.executor(Chart.ofSet("existing-secret")).getSpec();
    Pods.Container executor = Pods.container(pod, Pods.EXECUTOR);
    assertThat(executor.secret("AWS_ACCESS_KEY_ID")).isEqualTo("minio/rootUser");
    assertThat(executor.secret("AWS_SECRET_ACCESS_KEY")).isEqualTo("minio/rootPassword");
  }

  @Test
  void runsWhereTheValuesSay() {
    Pod pod = SparkPods.executor(Chart.ofSet("placement"));
    assertThat(pod.getSpec().getNodeSelector()).containsEntry("pool", "workers");
    assertThat(pod.getSpec().getTolerations()).extracting(Toleration::getKey).contains("spot");
    assertThat(pod.getSpec().getAffinity().getPodAntiAffinity()).isNotNull();
    assertThat(pod.getSpec().getPriorityClassName()).isEqualTo("batch-low");
    assertThat(pod.getMetadata().getLabels()).containsEntry("team", "nlp");
    assertThat(pod.getMetadata().getAnnotations()).containsEntry("note", "\"quoted\" \\ text");
    Pods.Container executor = Pods.container(pod.getSpec(), Pods.EXECUTOR);
    assertThat(executor.env("NCCL_DEBUG").getValue()).isEqualTo("WARN");
    assertThat(executor.model().getResources().getRequests())
        .containsEntry("cpu", new Quantity("1500m"));
  }

  @Test
  void volcanoAndYuniKornFindTheGroup() {
    Pod volcano = SparkPods.executor(Chart.ofSet("volcano"));
    assertThat(volcano.getSpec().getSchedulerName()).isEqualTo("volcano");
    assertThat(volcano.getMetadata().getAnnotations())
        .containsEntry("scheduling.k8s.io/group-name", "mohawk-sparkhawk");
    Pod yunikorn = SparkPods.executor(Chart.ofSet("yunikorn"));
    assertThat(yunikorn.getSpec().getSchedulerName()).isEqualTo("yunikorn");
    assertThat(yunikorn.getMetadata().getAnnotations())
        .containsEntry("yunikorn.apache.org/task-group-name", "executor")
        .containsEntry(
            "yunikorn.apache.org/app-id",
            Chart.ofSet("yunikorn")
                .driverPod()
                .getMetadata()
                .getAnnotations()
                .get("yunikorn.apache.org/app-id"));
  }
}
