package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import org.junit.jupiter.api.Test;

class ServiceAccountsTest {

  @Test
  void driverAndExecutorsHaveAccountsOfTheirOwnThatMountNoTokenUnasked() {
    Manifests manifests = Chart.ofSet("cpu");
    assertThat(manifests.of(ServiceAccount.class))
        .extracting(account -> account.getMetadata().getName())
        .containsExactlyInAnyOrder("mohawk-sparkhawk-driver", "mohawk-sparkhawk-executor");
    assertThat(manifests.of(ServiceAccount.class))
        .allSatisfy(account -> assertThat(account.getAutomountServiceAccountToken()).isFalse());
  }

  @Test
  void onlyTheDriverGetsAToken() {
    Manifests manifests = Chart.ofSet("cpu");
    assertThat(manifests.driverPod().getSpec().getAutomountServiceAccountToken()).isTrue();
    assertThat(manifests.executorTemplate().getSpec().getAutomountServiceAccountToken()).isFalse();
  }

  @Test
  void bothCarryTheAnnotationsOfWorkloadIdentity() {
    assertThat(Chart.ofSet("workload-identity").of(ServiceAccount.class))
        .hasSize(2)
        .allSatisfy(
            account ->
                assertThat(account.getMetadata().getAnnotations())
                    .containsKey("eks.amazonaws.com/role-arn"));
  }

  @Test
  void accountsOfOthersAreUsedAsTheyAre() {
    Manifests manifests = Chart.ofSet("existing-accounts");
    assertThat(manifests.of(ServiceAccount.class)).isEmpty();
    assertThat(manifests.of(RoleBinding.class)).isEmpty();
    assertThat(manifests.driverPod().getSpec().getServiceAccountName()).isEqualTo("trainer");
    assertThat(JavaOptions.of(manifests))
        .containsEntry("spark.kubernetes.authenticate.executor.serviceAccountName", "default");
  }
}
