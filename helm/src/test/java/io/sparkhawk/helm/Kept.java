package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;

/**
 * Files of the chart that are made from others. A test compares; with {@code -Dchart.write=true} it
 * writes instead.
 */
final class Kept {

  private Kept() {}

  static void assertKept(String file, String made) throws IOException {
    if (Boolean.getBoolean("chart.write")) {
      Files.writeString(Chart.FOLDER.resolve(file), made);
    }
    assertThat(Chart.text(file))
        .as(
            "helm/sparkhawk/%s is stale; run: mvn -B test -pl helm -am -Dchart.write=true"
                + " -Dtest='SchemaTest,ReadmeTest' -Dsurefire.failIfNoSpecifiedTests=false",
            file)
        .isEqualTo(made);
  }
}
