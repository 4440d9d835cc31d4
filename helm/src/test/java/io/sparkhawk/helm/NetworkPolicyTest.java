package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyEgressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyIngressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPort;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class NetworkPolicyTest {

  private static NetworkPolicy policy(String valueSet, String component) {
    return Chart.ofSet(valueSet).named(NetworkPolicy.class, "-" + component);
  }

  @Test
  void everyPodOfTheReleaseHasAPolicyForBothDirections() {
    Manifests manifests = Chart.ofSet("cpu");
    assertThat(manifests.of(NetworkPolicy.class))
        .hasSize(2)
        .allSatisfy(
            policy ->
                assertThat(policy.getSpec().getPolicyTypes())
                    .containsExactlyInAnyOrder("Ingress", "Egress"));
    assertThat(policy("cpu", "driver").getSpec().getPodSelector().getMatchExpressions().get(0))
        .satisfies(
            expression -> assertThat(expression.getValues()).containsExactly("driver", "test"));
    assertThat(manifests.executorTemplate().getMetadata().getLabels())
        .containsAllEntriesOf(
            policy("cpu", "executor").getSpec().getPodSelector().getMatchLabels());
  }

  @Test
  void onlyExecutorsOfTheReleaseReachTheDriverAtItsTwoPorts() {
    List<NetworkPolicyIngressRule> rules = policy("cpu", "driver").getSpec().getIngress();
    assertThat(rules).hasSize(1);
    assertThat(rules.get(0).getFrom()).hasSize(1);
    assertThat(rules.get(0).getFrom().get(0).getPodSelector().getMatchLabels())
        .containsEntry("app.kubernetes.io/instance", "mohawk")
        .containsEntry("app.kubernetes.io/component", "executor");
    assertThat(ports(rules.get(0).getPorts())).containsExactly(7078, 7079);
  }

  @Test
  void onlyDriverAndExecutorsOfTheReleaseReachExecutors() {
    List<NetworkPolicyIngressRule> rules = policy("cpu", "executor").getSpec().getIngress();
    assertThat(rules).hasSize(1);
    NetworkPolicyPeer peer = rules.get(0).getFrom().get(0);
    assertThat(rules.get(0).getFrom()).hasSize(1);
    assertThat(peer.getNamespaceSelector()).isNull();
    assertThat(peer.getPodSelector().getMatchLabels())
        .containsEntry("app.kubernetes.io/instance", "mohawk");
    assertThat(peer.getPodSelector().getMatchExpressions().get(0).getValues())
        .containsExactly("driver", "executor");
  }

  @Test
  void addressesAreThoseOfTheValues() {
    assertThat(addresses(policy("network-policy", "executor")))
        .isEqualTo(Map.of("10.20.0.0/24", List.of(9000), "169.254.170.23/32", List.of(80)));
    assertThat(addresses(policy("network-policy", "driver")))
        .isEqualTo(
            Map.of(
                "10.20.0.0/24", List.of(9000),
                "10.0.0.1/32", List.of(6443),
                "169.254.170.23/32", List.of(80)));
  }

  @Test
  void theEndpointsPortIsOpenWhateverThePorts() {
    assertThat(addresses(policy("existing-secret", "executor")))
        .containsEntry("0.0.0.0/0", List.of(443, 9000));
    Manifests plain = Chart.ofSet("cpu", "platform: {storage: {endpoint: 'http://store'}}");
    assertThat(addresses(plain.named(NetworkPolicy.class, "-executor")))
        .containsEntry("0.0.0.0/0", List.of(443, 80));
  }

  @Test
  void namesAreResolvedByTheClustersDnsOnly() {
    for (String component : List.of("driver", "executor")) {
      assertThat(policy("cpu", component).getSpec().getEgress())
          .filteredOn(rule -> ports(rule.getPorts()).contains(53))
          .singleElement()
          .satisfies(
              rule ->
                  assertThat(rule.getTo().get(0).getPodSelector().getMatchLabels())
                      .containsEntry("k8s-app", "kube-dns"));
    }
  }

  @Test
  void metricsAreOpenToTheirNamespaceOnlyWhenThereAreAny() {
    assertThat(policy("monitoring", "driver").getSpec().getIngress())
        .hasSize(2)
        .anySatisfy(
            rule -> {
              assertThat(ports(rule.getPorts())).containsExactly(4040);
              assertThat(rule.getFrom().get(0).getNamespaceSelector().getMatchLabels())
                  .containsEntry("kubernetes.io/metadata.name", "monitoring");
            });
  }

  @Test
  void canBeLeftToOthers() {
    assertThat(Chart.ofSet("no-network-policy").of(NetworkPolicy.class)).isEmpty();
  }

  private static List<Integer> ports(List<NetworkPolicyPort> ports) {
    return ports.stream().map(port -> port.getPort().getIntVal()).distinct().toList();
  }

  private static Map<String, List<Integer>> addresses(NetworkPolicy policy) {
    Map<String, List<Integer>> addresses = new TreeMap<>();
    for (NetworkPolicyEgressRule rule : policy.getSpec().getEgress()) {
      for (NetworkPolicyPeer peer : rule.getTo()) {
        if (peer.getIpBlock() != null) {
          addresses.put(peer.getIpBlock().getCidr(), ports(rule.getPorts()));
        }
      }
    }
    return addresses;
  }
}
