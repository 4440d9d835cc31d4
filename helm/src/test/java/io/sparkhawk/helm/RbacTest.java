package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.ClusterRoleBinding;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.kubernetes.api.model.rbac.Subject;
import org.junit.jupiter.api.Test;

/** What the role must allow is measured in {@link SparkDriverTest}. */
class RbacTest {

  @Test
  void theRoleIsTheDriversAlone() {
    RoleBinding binding = Chart.ofSet("cpu").only(RoleBinding.class);
    assertThat(binding.getRoleRef().getName())
        .isEqualTo(Chart.ofSet("cpu").only(Role.class).getMetadata().getName());
    assertThat(binding.getSubjects())
        .extracting(Subject::getKind, Subject::getName, Subject::getNamespace)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(
                "ServiceAccount", "mohawk-sparkhawk-driver", "training"));
  }

  @Test
  void nothingIsAllowedBeyondTheNamespaceOrByWildcard() {
    Manifests manifests = Chart.ofSet("cpu");
    assertThat(manifests.of(ClusterRole.class)).isEmpty();
    assertThat(manifests.of(ClusterRoleBinding.class)).isEmpty();
    assertThat(manifests.only(Role.class).getRules())
        .flatMap(Right::of)
        .allSatisfy(
            right -> {
              assertThat(right.resource()).isEqualTo("pods");
              assertThat(right.verb()).isNotEqualTo("*");
            });
  }
}
