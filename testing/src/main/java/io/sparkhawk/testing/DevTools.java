package io.sparkhawk.testing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A connection to a browser by the Chrome DevTools Protocol: questions with numbers, answers with
 * the same numbers, and events, over one WebSocket.
 */
final class DevTools implements WebSocket.Listener, AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration ANSWER = Duration.ofSeconds(60);
  private static final long PAUSE_MILLIS = 20;

  private final AtomicInteger numbers = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> questions = new ConcurrentHashMap<>();
  private final List<JsonNode> events = new CopyOnWriteArrayList<>();

  /** Only the WebSocket's own calls, one at a time, use it. */
  private final StringBuilder unfinished = new StringBuilder();

  private WebSocket socket;

  private DevTools() {}

  static DevTools connect(URI address) {
    DevTools tools = new DevTools();
    tools.socket =
        get(HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(address, tools), "connect");
    return tools;
  }

  /**
   * Asks and waits for the answer.
   *
   * @param session of a page, or empty for the browser
   * @throws IllegalStateException if the answer is an error, or does not come
   */
  JsonNode ask(String session, String method, Map<String, Object> parameters) {
    Map<String, Object> question = new HashMap<>();
    int number = numbers.incrementAndGet();
    question.put("id", number);
    question.put("method", method);
    question.put("params", parameters);
    if (!session.isEmpty()) {
      question.put("sessionId", session);
    }
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    questions.put(number, answer);
    get(socket.sendText(text(question), true), method);
    JsonNode reply = get(answer, method);
    if (reply.has("error")) {
      throw new IllegalStateException(method + ": " + reply.path("error"));
    }
    return reply.path("result");
  }

  /** All events of a page so far. */
  List<JsonNode> events(String session) {
    return events.stream()
        .filter(event -> event.path("sessionId").asText().equals(session))
        .toList();
  }

  @Override
  public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
    unfinished.append(data);
    if (last) {
      receive(unfinished.toString());
      unfinished.setLength(0);
    }
    from.request(1);
    return null;
  }

  private void receive(String message) {
    try {
      JsonNode json = JSON.readTree(message);
      CompletableFuture<JsonNode> question = questions.remove(json.path("id").asInt(-1));
      if (question != null) {
        question.complete(json);
      } else {
        events.add(json);
      }
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(message, e);
    }
  }

  @Override
  public void onError(WebSocket from, Throwable failure) {
    questions.values().forEach(question -> question.completeExceptionally(failure));
  }

  @Override
  public void close() {
    socket.abort();
  }

  /** Before a look that came too early is taken again. */
  static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static String text(Map<String, Object> question) {
    try {
      return JSON.writeValueAsString(question);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static <T> T get(CompletableFuture<T> future, String what) {
    try {
      return future.get(ANSWER.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException(what + ": " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
