package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.PodSecurityContext;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.SecurityContext;
import io.fabric8.kubernetes.api.model.Volume;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the tests ask of pods. */
final class Pods {

  // The names that the Kubeflow Spark operator gives to Spark (its pkg/common/spark.go).
  static final String EXECUTOR = "spark-kubernetes-executor";
  static final String OPERATORS_DRIVER = "spark-kubernetes-driver";

  private Pods() {}

  /** A container of a pod. */
  record Container(io.fabric8.kubernetes.api.model.Container model) {

    /** Command and arguments. */
    List<String> command() {
      List<String> command = new ArrayList<>(model.getCommand());
      command.addAll(model.getArgs());
      return command;
    }

    /** Volume by the path at which it is mounted. */
    Map<String, String> mounts() {
      Map<String, String> mounts = new TreeMap<>();
      model.getVolumeMounts().forEach(mount -> mounts.put(mount.getMountPath(), mount.getName()));
      return mounts;
    }

    /** A variable; the last one of a name counts. */
    EnvVar env(String name) {
      return model.getEnv().stream()
          .filter(variable -> variable.getName().equals(name))
          .reduce((first, second) -> second)
          .orElseThrow(() -> new AssertionError("no variable " + name + " in " + model.getEnv()));
    }

    /** A secret's name and field, for a variable that comes from one. */
    String secret(String variable) {
      var reference = env(variable).getValueFrom().getSecretKeyRef();
      return reference.getName() + "/" + reference.getKey();
    }
  }

  static Container container(PodSpec pod, String name) {
    return pod.getContainers().stream()
        .filter(container -> container.getName().equals(name))
        .map(Container::new)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no container " + name));
  }

  static Volume volume(PodSpec pod, String name) {
    return pod.getVolumes().stream()
        .filter(volume -> volume.getName().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no volume " + name));
  }

  /** The rules of the pod security standard "restricted", and a root that cannot be written. */
  static void assertRestricted(PodSpec pod) {
    PodSecurityContext context = pod.getSecurityContext();
    assertThat(context.getRunAsNonRoot()).isTrue();
    assertThat(context.getRunAsUser()).isPositive();
    assertThat(context.getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
    assertThat(pod.getHostNetwork()).isIn(null, false);
    assertThat(pod.getHostPID()).isIn(null, false);
    assertThat(pod.getHostIPC()).isIn(null, false);
    assertThat(pod.getVolumes()).allSatisfy(volume -> assertThat(volume.getHostPath()).isNull());
    assertThat(pod.getContainers()).isNotEmpty();
    pod.getContainers().forEach(container -> assertRestricted(container.getSecurityContext()));
    pod.getInitContainers().forEach(container -> assertRestricted(container.getSecurityContext()));
  }

  private static void assertRestricted(SecurityContext container) {
    assertThat(container.getRunAsNonRoot()).isTrue();
    assertThat(container.getPrivileged()).isIn(null, false);
    assertThat(container.getAllowPrivilegeEscalation()).isFalse();
    assertThat(container.getReadOnlyRootFilesystem()).isTrue();
    assertThat(container.getCapabilities().getDrop()).containsExactly("ALL");
    assertThat(container.getCapabilities().getAdd()).isEmpty();
  }

  /** Whether a path lies on a volume that the pod may write to. */
  static boolean isWritable(PodSpec pod, Container container, String path) {
    return container.model().getVolumeMounts().stream()
        .filter(
            mount ->
                path.equals(mount.getMountPath()) || path.startsWith(mount.getMountPath() + "/"))
        .filter(mount -> !Boolean.TRUE.equals(mount.getReadOnly()))
        .anyMatch(mount -> volume(pod, mount.getName()).getConfigMap() == null);
  }
}
