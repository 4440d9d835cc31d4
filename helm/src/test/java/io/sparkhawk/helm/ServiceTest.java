package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServiceTest {

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "cron", "yunikorn"})
  void isHeadlessAndSelectsTheDriverOnly(String valueSet) {
    Manifests manifests = Chart.ofSet(valueSet);
    Service service = manifests.only(Service.class);
    assertThat(service.getSpec().getClusterIP()).isEqualTo("None");
    assertThat(service.getSpec().getPublishNotReadyAddresses()).isTrue();
    Map<String, String> selector = service.getSpec().getSelector();
    assertThat(manifests.driverPod().getMetadata().getLabels()).containsAllEntriesOf(selector);
    assertThat(manifests.executorTemplate().getMetadata().getLabels().entrySet())
        .doesNotContainAnyElementsOf(
            java.util.Set.of(Map.entry("app.kubernetes.io/component", "driver")));
    assertThat(selector).containsEntry("app.kubernetes.io/component", "driver");
  }

  @Test
  void itsNameAndPortsAreThoseThatSparkTellsExecutors() {
    Manifests manifests = Chart.ofSet("cpu", "platform: {driver: {ports: {rpc: 17078}}}");
    Service service = manifests.only(Service.class);
    Map<String, String> spark = JavaOptions.of(manifests);
    assertThat(spark.get("spark.driver.host"))
        .isEqualTo(
            service.getMetadata().getName() + "." + service.getMetadata().getNamespace() + ".svc");
    assertThat(service.getSpec().getPorts())
        .extracting(ServicePort::getPort)
        .containsExactly(17078, Integer.valueOf(spark.get("spark.driver.blockManager.port")));
    assertThat(spark).containsEntry("spark.driver.port", "17078");
  }
}
