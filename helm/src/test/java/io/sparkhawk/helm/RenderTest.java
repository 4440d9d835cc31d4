package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.scheduling.v1.PriorityClass;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RenderTest {

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.Chart#valueSets")
  void rendersEveryValueSet(String valueSet) {
    assertThat(Chart.ofSet(valueSet).all()).hasSizeGreaterThan(4);
  }

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.Chart#valueSets")
  void everyFieldIsOneOfKubernetes(String valueSet) {
    Manifests manifests = Chart.ofSet(valueSet);
    List<String> unknown = new ArrayList<>();
    manifests.all().stream()
        .filter(object -> !(object instanceof GenericKubernetesResource))
        .forEach(object -> UnknownFields.collect(object, object.getKind(), unknown));
    if (manifests.configFile("executor.yaml").isPresent()) {
      UnknownFields.collect(manifests.executorTemplate(), "executor.yaml", unknown);
    }
    assertThat(unknown).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.Chart#valueSets")
  void everyObjectIsTheReleasesAndInItsNamespace(String valueSet) {
    assertThat(Chart.ofSet(valueSet).all())
        .allSatisfy(
            object -> {
              assertThat(object.getMetadata().getLabels())
                  .containsEntry("app.kubernetes.io/instance", Chart.RELEASE)
                  .containsEntry("app.kubernetes.io/name", "sparkhawk");
              if (!(object instanceof PriorityClass)) {
                assertThat(object.getMetadata().getNamespace()).isEqualTo(Chart.NAMESPACE);
              }
            });
  }

  @Test
  void theChartsApplicationIsThatOfTheBuild() throws IOException {
    assertThat(Files.readString(Path.of("../pom.xml")))
        .contains(
            "<artifactId>sparkhawk</artifactId>\n  <version>%s</version>"
                .formatted(Chart.appVersion()));
  }

  @Test
  void namesFitWhateverTheReleaseIsCalled() {
    String name = "a-name.that-is-as-long-as-helm-allows-it-for-releases";
    assertThat(Chart.ofRelease(name, "cron").all())
        .allSatisfy(
            object ->
                assertThat(object.getMetadata().getName())
                    .hasSizeLessThanOrEqualTo(52)
                    .matches("[a-z]([-a-z0-9]*[a-z0-9])?"));
  }

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.Chart#valueSets")
  void lintsStrictlyWithEveryValueSet(String valueSet, @TempDir Path scratch) throws IOException {
    var lint = Chart.lint(valueSet, scratch);
    assertThat(lint.isFailed()).as(String.join("\n", lint.getMessages())).isFalse();
  }
}
