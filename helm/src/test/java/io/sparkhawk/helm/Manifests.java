package io.sparkhawk.helm;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.batch.v1.CronJob;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The objects of one rendering, in the types of Kubernetes. */
record Manifests(String text, List<HasMetadata> all) {

  private static final KubernetesSerialization SERIALIZATION = new KubernetesSerialization();

  static Manifests of(String text) {
    List<HasMetadata> objects =
        Stream.of(text.split("(?m)^---$"))
            .filter(document -> document.contains("kind:"))
            .map(document -> (HasMetadata) SERIALIZATION.unmarshal(document))
            .toList();
    return new Manifests(text, objects);
  }

  /** All objects of a type. */
  <T extends HasMetadata> List<T> of(Class<T> type) {
    return all.stream().filter(type::isInstance).map(type::cast).toList();
  }

  /** The only object of a type. */
  <T extends HasMetadata> T only(Class<T> type) {
    List<T> found = of(type);
    if (found.size() != 1) {
      throw new AssertionError(
          found.size() + " objects of " + type.getSimpleName() + " in " + kinds());
    }
    return found.get(0);
  }

  /** The object of a type whose name ends so. */
  <T extends HasMetadata> T named(Class<T> type, String end) {
    return of(type).stream()
        .filter(object -> object.getMetadata().getName().endsWith(end))
        .findFirst()
        .orElseThrow(
            () -> new AssertionError("no " + type.getSimpleName() + " *" + end + " in " + kinds()));
  }

  /** The object of a kind that has no type here, such as PodMonitor. */
  Optional<GenericKubernetesResource> ofKind(String kind) {
    return of(GenericKubernetesResource.class).stream()
        .filter(object -> object.getKind().equals(kind))
        .findFirst();
  }

  /** Kind and name of each object. */
  List<String> kinds() {
    return all.stream()
        .map(object -> object.getKind() + "/" + object.getMetadata().getName())
        .toList();
  }

  /** A file of the config map. */
  Optional<String> configFile(String name) {
    return Optional.ofNullable(named(ConfigMap.class, "sparkhawk").getData().get(name));
  }

  /** The template by which Spark makes executors. */
  Pod executorTemplate() {
    return SERIALIZATION.unmarshal(configFile("executor.yaml").orElseThrow(), Pod.class);
  }

  /** The driver's pod, in a Job or a CronJob. */
  PodTemplateSpec driverPod() {
    return of(Job.class).stream()
        .findFirst()
        .map(job -> job.getSpec().getTemplate())
        .orElseGet(() -> only(CronJob.class).getSpec().getJobTemplate().getSpec().getTemplate());
  }
}
