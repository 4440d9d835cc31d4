package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.Problems;
import io.sparkhawk.driver.config.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What docs/kubernetes.md tells people to copy. */
class KubernetesPageTest {

  private static final Pattern VALUES =
      Pattern.compile("cat > values.yaml <<END\n(.*?)\nEND\n", Pattern.DOTALL);

  @Test
  void theValuesThatAreCopiedMakeARunOnEightGpus() throws IOException {
    Matcher matcher = VALUES.matcher(Files.readString(Path.of("../docs/kubernetes.md")));
    assertThat(matcher.find()).isTrue();
    Manifests manifests =
        Chart.of(
            matcher
                .group(1)
                .replace("$IMAGE", "registry.example.com/sparkhawk")
                .replace("$TAG", "0.1.0-gpu")
                .replace("$BUCKET", "s3a://models")
                .replace("$REGION", "eu-central-1"));
    RunConfig run =
        ConfigReader.ofYaml("run.yaml", manifests.configFile("run.yaml").orElseThrow())
            .read(RunConfig.class, RunConfig::check);
    assertThat(run.workers()).isEqualTo(8);
    assertThat(run.tokens()).isEqualTo(3_000_000_000L);
    Problems fit = Problems.in("a data set of rows of 2048 tokens, and Phi-1.5");
    run.checkFit(2048, 24, 2048, fit);
    assertThat(fit.isEmpty()).isTrue();
    assertThat(Pods.container(manifests.driverPod().getSpec(), "driver").model().getImage())
        .isEqualTo("registry.example.com/sparkhawk:0.1.0-gpu");
  }
}
