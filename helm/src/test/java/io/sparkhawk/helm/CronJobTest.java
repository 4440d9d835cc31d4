package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.batch.v1.CronJob;
import io.fabric8.kubernetes.api.model.batch.v1.CronJobSpec;
import io.fabric8.kubernetes.api.model.batch.v1.JobSpec;
import java.time.ZoneId;
import org.junit.jupiter.api.Test;

class CronJobTest {

  private static CronJobSpec cron(String valueSet) {
    return Chart.ofSet(valueSet).only(CronJob.class).getSpec();
  }

  @Test
  void retrainsAtTheTimeOfTheZone() {
    assertThat(cron("cron").getSchedule()).isEqualTo("30 2 * * *");
    assertThat(cron("cron").getTimeZone()).isEqualTo("Europe/Berlin");
    assertThat(ZoneId.of(cron("cron-suspended").getTimeZone())).isEqualTo(ZoneId.of("Etc/UTC"));
    assertThat(Pods.container(Chart.ofSet("cron").driverPod().getSpec(), "driver").command())
        .containsExactly(
            "/opt/sparkhawk/bin/sparkhawk", "retrain", "--config", "/etc/sparkhawk/retrain.yaml");
  }

  @Test
  void twoRetrainingsNeverRunAtOnce() {
    assertThat(cron("cron").getConcurrencyPolicy()).isEqualTo("Forbid");
    assertThat(cron("cron").getJobTemplate().getSpec().getPodReplacementPolicy())
        .isEqualTo("Failed");
  }

  @Test
  void aStartThatIsTooLateIsLeftOut() {
    assertThat(cron("cron").getStartingDeadlineSeconds()).isEqualTo(7200);
  }

  @Test
  void canBeSuspended() {
    assertThat(cron("cron").getSuspend()).isFalse();
    assertThat(cron("cron-suspended").getSuspend()).isTrue();
  }

  @Test
  void keepsAsManyJobsAsTheValuesSay() {
    assertThat(cron("cron").getSuccessfulJobsHistoryLimit()).isEqualTo(1);
    assertThat(cron("cron").getFailedJobsHistoryLimit()).isEqualTo(5);
  }

  @Test
  void endsARetrainingAtItsDeadlineAndZeroIsNone() {
    assertThat(cron("cron").getJobTemplate().getSpec().getActiveDeadlineSeconds()).isEqualTo(72000);
    assertThat(cron("cron-suspended").getJobTemplate().getSpec().getActiveDeadlineSeconds())
        .isNull();
  }

  @Test
  void theExitCodeDecidesAsForASingleRun() {
    JobSpec job = cron("cron").getJobTemplate().getSpec();
    assertThat(FailurePolicy.actions(job, "driver"))
        .isEqualTo(
            FailurePolicy.actions(
                Chart.ofSet("cpu")
                    .only(io.fabric8.kubernetes.api.model.batch.v1.Job.class)
                    .getSpec(),
                "driver"))
        .containsEntry(4, "Count")
        .containsEntry(5, "FailJob");
    assertThat(job.getTemplate().getSpec().getRestartPolicy()).isEqualTo("Never");
  }

  @Test
  void theNameLeavesRoomForWhatKubernetesAppends() {
    assertThat(Chart.ofSet("cron").only(CronJob.class).getMetadata().getName())
        .isEqualTo("mohawk-sparkhawk-retrain")
        .hasSizeLessThanOrEqualTo(52);
  }
}
