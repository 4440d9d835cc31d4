package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReview;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pods of {@code helm test}. */
class HelmTestPodsTest {

  private static final KubernetesSerialization SERIALIZATION = new KubernetesSerialization();

  @Test
  void areHooksWithTheDriversAccountAndRestricted(@TempDir Path folder) throws IOException {
    List<Pod> pods = Chart.testPods("existing-secret", folder);
    assertThat(pods)
        .hasSize(2)
        .allSatisfy(
            pod -> {
              assertThat(pod.getMetadata().getAnnotations()).containsEntry("was.hook", "test");
              assertThat(pod.getSpec().getServiceAccountName())
                  .isEqualTo("mohawk-sparkhawk-driver");
              assertThat(pod.getMetadata().getLabels())
                  .containsEntry("app.kubernetes.io/component", "test");
              Pods.assertRestricted(pod.getSpec());
            });
  }

  @Test
  void theStorageIsReachedAsTheDriverReachesIt(@TempDir Path folder) throws IOException {
    Manifests manifests = Chart.ofSet("existing-secret");
    Pods.Container test =
        Pods.container(pod("existing-secret", "-test-storage", folder).getSpec(), "storage");
    Pods.Container driver = Pods.container(manifests.driverPod().getSpec(), "driver");
    assertThat(test.env("DATA").getValue()).isEqualTo("s3a://models/data");
    assertThat(test.env("STORAGE").getValue()).isEqualTo("s3a://models/runs");
    assertThat(test.model().getEnv()).containsAll(driver.model().getEnv());
    assertThat(test.mounts()).isEqualTo(driver.mounts());
    assertThat(test.model().getImage()).isEqualTo(driver.model().getImage());
  }

  @Test
  void rightsAreAskedForAsTheRoleGivesThem(@TempDir Path folder) throws IOException {
    Manifests manifests = Chart.ofSet("cpu");
    List<String> asked =
        manifests.only(Role.class).getRules().stream()
            .flatMap(rule -> Right.of(rule).stream())
            .map(right -> right.verb() + ":" + right.resource())
            .toList();
    assertThat(access(folder).env("ALLOWED").getValue().split(" "))
        .containsExactlyInAnyOrderElementsOf(asked);
  }

  @Test
  void rightsThatAreThereAndNoMorePass(@TempDir Path folder) throws Exception {
    try (Reviewer reviewer = new Reviewer(allowedByTheRole())) {
      assertThat(run(folder, reviewer)).as(reviewer.output()).isZero();
      assertThat(reviewer.tokens).isNotEmpty().containsOnly("Bearer t0ken");
    }
  }

  @Test
  void aRightThatIsMissingFails(@TempDir Path folder) throws Exception {
    Set<String> allowed = allowedByTheRole();
    allowed.remove("create pods");
    try (Reviewer reviewer = new Reviewer(allowed)) {
      assertThat(run(folder, reviewer)).isEqualTo(1);
      assertThat(reviewer.output()).contains("REFUSED, but the driver needs it: create:pods");
    }
  }

  @Test
  void aRightTooManyFails(@TempDir Path folder) throws Exception {
    Set<String> allowed = allowedByTheRole();
    allowed.add("get secrets");
    try (Reviewer reviewer = new Reviewer(allowed)) {
      assertThat(run(folder, reviewer)).isEqualTo(1);
      assertThat(reviewer.output())
          .contains("ALLOWED, but the driver does not need it: get:secrets");
    }
  }

  private static Set<String> allowedByTheRole() {
    Set<String> allowed = new HashSet<>();
    for (var rule : Chart.ofSet("cpu").only(Role.class).getRules()) {
      Right.of(rule).forEach(right -> allowed.add(right.verb() + " " + right.resource()));
    }
    return allowed;
  }

  private static Pods.Container access(Path folder) throws IOException {
    return Pods.container(pod("cpu", "-test-access", folder).getSpec(), "access");
  }

  private static Pod pod(String valueSet, String end, Path folder) throws IOException {
    return Chart.testPods(valueSet, folder).stream()
        .filter(pod -> pod.getMetadata().getName().endsWith(end))
        .findFirst()
        .orElseThrow();
  }

  /**
   * Runs the container's script as it is rendered, but for the address and the account's folder.
   */
  private static int run(Path folder, Reviewer reviewer) throws IOException, InterruptedException {
    Pods.Container access = access(folder);
    Files.writeString(folder.resolve("token"), "t0ken");
    Files.writeString(folder.resolve("ca.crt"), "");
    reviewer.log = folder.resolve("output");
    ProcessBuilder script =
        new ProcessBuilder(access.command())
            .redirectErrorStream(true)
            .redirectOutput(reviewer.log.toFile());
    access.model().getEnv().forEach(env -> script.environment().put(env.getName(), env.getValue()));
    script.environment().put("API_SERVER", reviewer.address());
    script.environment().put("ACCOUNT", folder.toString());
    Process process = script.start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  /** Answers whether a verb on a resource is allowed. */
  private static final class Reviewer implements AutoCloseable {

    final List<String> tokens = new CopyOnWriteArrayList<>();
    Path log;
    private final HttpServer server;

    Reviewer(Set<String> allowed) throws IOException {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.createContext(
          "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
          exchange -> {
            tokens.add(exchange.getRequestHeaders().getFirst("Authorization"));
            SelfSubjectAccessReview review =
                SERIALIZATION.unmarshal(exchange.getRequestBody(), SelfSubjectAccessReview.class);
            var right = review.getSpec().getResourceAttributes();
            boolean yes =
                right.getNamespace().equals(Chart.NAMESPACE)
                    && allowed.contains(right.getVerb() + " " + right.getResource());
            byte[] answer =
                ("{\"status\":{\"allowed\":" + yes + "}}").getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(201, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
          });
      server.start();
    }

    String address() {
      return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    String output() throws IOException {
      return Files.readString(log);
    }

    @Override
    public void close() {
      server.stop(0);
    }
  }
}
