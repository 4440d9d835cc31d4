package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.batch.v1.CronJob;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobSpec;
import org.junit.jupiter.api.Test;

class JobTest {

  @Test
  void runsTheDistillationOfTheConfigMap() {
    PodSpec pod = Chart.ofSet("cpu").driverPod().getSpec();
    Pods.Container driver = Pods.container(pod, "driver");
    assertThat(driver.command())
        .containsExactly(
            "/opt/sparkhawk/bin/sparkhawk", "distill", "--config", "/etc/sparkhawk/run.yaml");
    assertThat(driver.mounts()).containsEntry("/etc/sparkhawk", "config");
    assertThat(Pods.volume(pod, "config").getConfigMap().getName()).isEqualTo("mohawk-sparkhawk");
  }

  @Test
  void theLauncherGetsSparksSettingsAndThePodsNameAndAddress() {
    Pods.Container driver = Pods.container(Chart.ofSet("cpu").driverPod().getSpec(), "driver");
    assertThat(driver.env("SPARKHAWK_JAVA_OPTIONS").getValue())
        .isEqualTo(
            "@/etc/sparkhawk/java.options -Dspark.kubernetes.driver.pod.name=$(POD_NAME)"
                + " -Dspark.driver.bindAddress=$(POD_IP)");
    assertThat(driver.env("POD_NAME").getValueFrom().getFieldRef().getFieldPath())
        .isEqualTo("metadata.name");
    assertThat(driver.env("POD_IP").getValueFrom().getFieldRef().getFieldPath())
        .isEqualTo("status.podIP");
    assertThat(driver.env("SPARK_LOCAL_IP").getValue()).isEqualTo("$(POD_IP)");
    assertThat(driver.env("SPARKHAWK_DRIVER_MEMORY").getValue()).isEqualTo("1g");
  }

  @Test
  void theExitCodeDecidesWhetherTheDriverIsStartedAgain() {
    JobSpec job = Chart.ofSet("cpu").only(Job.class).getSpec();
    assertThat(FailurePolicy.actions(job, "driver"))
        .containsEntry(2, "FailJob")
        .containsEntry(3, "FailJob")
        .containsEntry(4, "Count")
        .containsEntry(5, "FailJob")
        .containsEntry(137, "Count");
    assertThat(FailurePolicy.ignoresDisruption(job)).isTrue();
    assertThat(job.getTemplate().getSpec().getRestartPolicy()).isEqualTo("Never");
    assertThat(job.getBackoffLimit()).isEqualTo(6);
  }

  @Test
  void twoDriversOfAJobAreNeverAliveAtOnce() {
    JobSpec job = Chart.ofSet("cpu").only(Job.class).getSpec();
    assertThat(job.getPodReplacementPolicy()).isEqualTo("Failed");
    assertThat(job.getParallelism()).isIn(null, 1);
  }

  @Test
  void limitsAreThoseOfTheValuesAndZeroIsNone() {
    JobSpec usual = Chart.ofSet("cpu").only(Job.class).getSpec();
    assertThat(usual.getActiveDeadlineSeconds()).isNull();
    assertThat(usual.getTtlSecondsAfterFinished()).isEqualTo(604800);
    JobSpec given = Chart.ofSet("placement").only(Job.class).getSpec();
    assertThat(given.getActiveDeadlineSeconds()).isEqualTo(86400);
    assertThat(given.getTtlSecondsAfterFinished()).isNull();
    assertThat(given.getBackoffLimit()).isEqualTo(2);
  }

  @Test
  void theNameChangesWithWhatIsRunAndOnlyThen() {
    String name = name("");
    assertThat(name).isEqualTo(name("")).matches("mohawk-sparkhawk-[0-9a-f]{8}");
    assertThat(name("run: {seed: 2}")).isNotEqualTo(name);
    assertThat(name("platform: {image: {tag: next}}")).isNotEqualTo(name);
    assertThat(name("platform: {spark: {spark.network.timeout: 1s}}")).isNotEqualTo(name);
    assertThat(name("platform: {executor: {cacheSize: 1Gi}}")).isNotEqualTo(name);
    assertThat(name("platform: {monitoring: {dashboard: {enabled: true}}}")).isEqualTo(name);
  }

  @Test
  void retrainingAndTheOperatorTakeItsPlace() {
    assertThat(Chart.ofSet("cpu").of(CronJob.class)).isEmpty();
    assertThat(Chart.ofSet("cron").of(Job.class)).isEmpty();
    assertThat(Chart.ofSet("operator").of(Job.class)).isEmpty();
  }

  private static String name(String values) {
    return Chart.ofSet("cpu", values).only(Job.class).getMetadata().getName();
  }
}
