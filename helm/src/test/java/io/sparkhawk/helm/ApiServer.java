package io.sparkhawk.helm;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.NamespacedKubernetesClient;
import io.fabric8.kubernetes.client.server.mock.KubernetesCrudDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.dsl.HttpMethod;
import io.fabric8.mockwebserver.http.Buffer;
import io.fabric8.mockwebserver.http.Dispatcher;
import io.fabric8.mockwebserver.http.MockResponse;
import io.fabric8.mockwebserver.http.RecordedRequest;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

/**
 * A stand-in for Kubernetes' API server that keeps objects, and remembers as which right each
 * request of others than the test itself would be checked.
 */
final class ApiServer implements AutoCloseable {

  private static final String TEST_AGENT = "test";

  private static final KubernetesSerialization SERIALIZATION = new KubernetesSerialization();

  private final Set<Right> used = new ConcurrentSkipListSet<>();
  private final KubernetesMockServer server;
  private final NamespacedKubernetesClient client;

  private ApiServer() {
    server =
        new KubernetesMockServer(
            new Context(), new MockWebServer(), new HashMap<>(), new Recorder(), false);
    server.init(InetAddress.getLoopbackAddress(), 0);
    client =
        server.createClient(
            builder -> builder.editOrNewConfig().withUserAgent(TEST_AGENT).endConfig());
  }

  static ApiServer start() {
    return new ApiServer();
  }

  /** For spark.master. */
  String master() {
    return "k8s://http://127.0.0.1:" + server.getPort();
  }

  /** The test's own client, whose requests are not remembered. */
  NamespacedKubernetesClient client() {
    return client;
  }

  /** The rights that the requests so far needed. */
  Set<Right> used() {
    return Set.copyOf(used);
  }

  @Override
  public void close() {
    client.close();
    server.destroy();
  }

  private final class Recorder extends Dispatcher {

    private final Dispatcher objects = new KubernetesCrudDispatcher();

    @Override
    public MockResponse dispatch(RecordedRequest request) {
      if (!TEST_AGENT.equals(request.getHeader("User-Agent"))) {
        used.add(Right.of(request.getMethod(), request.getPath()));
      }
      if (isApply(request)) {
        return apply(request);
      }
      return objects.dispatch(isNewPod(request) ? pending(request) : request);
    }

    private static boolean isApply(RecordedRequest request) {
      return request.method() == HttpMethod.PATCH && request.getPath().contains("force=true");
    }

    /** Server-side apply, which the stand-in does not know: creates the object or replaces it. */
    private MockResponse apply(RecordedRequest request) {
      String path = request.getPath().replaceAll("\\?.*", "");
      String collection = path.substring(0, path.lastIndexOf('/'));
      Object object = SERIALIZATION.unmarshal(request.getUtf8Body());
      MockResponse created = objects.dispatch(with(request, HttpMethod.POST, collection, object));
      return created.code() == HttpURLConnection.HTTP_CONFLICT
          ? objects.dispatch(with(request, HttpMethod.PUT, path, object))
          : created;
    }

    private static RecordedRequest with(
        RecordedRequest request, HttpMethod method, String path, Object body) {
      return new RecordedRequest(
          request.getHttpVersion(),
          method,
          path,
          request.getHeaders(),
          new Buffer(SERIALIZATION.asJson(body).getBytes(StandardCharsets.UTF_8)));
    }

    private static boolean isNewPod(RecordedRequest request) {
      return request.method() == HttpMethod.POST && request.getPath().endsWith("/pods");
    }

    /** A real server gives each new pod a status, which Spark relies on. */
    private static RecordedRequest pending(RecordedRequest request) {
      Pod pod =
          new PodBuilder(SERIALIZATION.unmarshal(request.getUtf8Body(), Pod.class))
              .editOrNewStatus()
              .endStatus()
              .build();
      if (pod.getStatus().getPhase() == null) {
        pod.getStatus().setPhase("Pending");
      }
      return with(request, request.method(), request.getPath(), pod);
    }

    @Override
    public void shutdown() {
      objects.shutdown();
    }
  }
}
