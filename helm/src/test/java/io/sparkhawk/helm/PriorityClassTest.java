package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.scheduling.v1.PriorityClass;
import org.junit.jupiter.api.Test;

class PriorityClassTest {

  @Test
  void isMadeIfAskedForAndUsedByAllPods() {
    Manifests manifests = Chart.ofSet("volcano");
    PriorityClass made = manifests.only(PriorityClass.class);
    assertThat(made.getMetadata().getName()).isEqualTo("distillation");
    assertThat(made.getValue()).isEqualTo(2000);
    assertThat(made.getPreemptionPolicy()).isEqualTo("Never");
    assertThat(made.getGlobalDefault()).isFalse();
    assertThat(manifests.driverPod().getSpec().getPriorityClassName()).isEqualTo("distillation");
    assertThat(manifests.executorTemplate().getSpec().getPriorityClassName())
        .isEqualTo("distillation");
  }

  @Test
  void oneThatExistsIsNotMadeAgain() {
    assertThat(Chart.ofSet("placement").of(PriorityClass.class)).isEmpty();
    assertThat(Chart.ofSet("placement").driverPod().getSpec().getPriorityClassName())
        .isEqualTo("batch-low");
  }
}
