package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.volcano.api.model.scheduling.v1beta1.PodGroup;
import org.junit.jupiter.api.Test;

class PodGroupTest {

  @Test
  void holdsAllExecutorsAndWhatTheyNeed() {
    PodGroup group =
        Chart.ofSet("volcano", "run: {workers: 3, worker-memory: 1536m}").only(PodGroup.class);
    assertThat(group.getMetadata().getName()).isEqualTo("mohawk-sparkhawk");
    assertThat(group.getSpec().getMinMember()).isEqualTo(3);
    assertThat(group.getSpec().getQueue()).isEqualTo("training");
    assertThat(group.getSpec().getPriorityClassName()).isEqualTo("distillation");
    assertThat(group.getSpec().getMinResources())
        .containsEntry("cpu", new Quantity("6"))
        .containsEntry("memory", new Quantity(3 * (1536 + 4096) + "Mi"))
        .containsEntry("nvidia.com/gpu", new Quantity("3"));
  }

  @Test
  void isVolcanosAlone() {
    assertThat(Chart.ofSet("yunikorn").of(PodGroup.class)).isEmpty();
    assertThat(Chart.ofSet("cpu").of(PodGroup.class)).isEmpty();
  }

  @Test
  void theDriverThatMakesTheExecutorsWaitsForNoGroup() {
    assertThat(Chart.ofSet("volcano").driverPod().getMetadata().getAnnotations())
        .doesNotContainKey("scheduling.k8s.io/group-name");
    assertThat(Chart.ofSet("volcano").driverPod().getSpec().getSchedulerName()).isNull();
  }
}
