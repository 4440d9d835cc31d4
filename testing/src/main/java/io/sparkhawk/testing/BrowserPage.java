package io.sparkhawk.testing;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** A page in a {@link Browser}: what is on it, what it complained about and what it asked for. */
public final class BrowserPage {

  private static final Duration LOAD = Duration.ofSeconds(60);

  private final DevTools tools;
  private final String session;

  BrowserPage(DevTools tools, String session) {
    this.tools = tools;
    this.session = session;
  }

  void prepare(int width, int height, boolean dark) {
    for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
      ask(domain + ".enable", Map.of());
    }
    // A page that nobody sees may rest.
    ask("Page.bringToFront", Map.of());
    ask("Emulation.setFocusEmulationEnabled", Map.of("enabled", true));
    resize(width, height);
    ask(
        "Emulation.setEmulatedMedia",
        Map.of(
            "features",
            List.of(
                Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"),
                Map.of("name", "prefers-reduced-motion", "value", "reduce"))));
  }

  void go(URI address) {
    JsonNode reply = ask("Page.navigate", Map.of("url", address.toString()));
    if (reply.has("errorText")) {
      throw new IllegalStateException(address + ": " + reply.path("errorText").asText());
    }
    await("document.readyState === 'complete' && location.href !== 'about:blank'", LOAD);
  }

  /** Gives the window another size, in CSS pixels. */
  public void resize(int width, int height) {
    ask(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
  }

  /**
   * The value of a JavaScript expression, which may be a promise.
   *
   * @throws IllegalStateException if the page throws
   */
  public JsonNode value(String expression) {
    JsonNode reply =
        ask(
            "Runtime.evaluate",
            Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
    if (reply.has("exceptionDetails")) {
      throw new IllegalStateException(expression + ": " + reply.path("exceptionDetails"));
    }
    return reply.path("result").path("value");
  }

  /** The text that a person sees in the first element of a CSS selector; empty if there is none. */
  public String text(String selector) {
    return value("(document.querySelector(" + quoted(selector) + ") || {}).innerText || ''")
        .asText();
  }

  /**
   * Waits until an expression is true.
   *
   * @throws IllegalStateException if that takes longer
   */
  public void await(String expression, Duration patience) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (!value("Boolean(" + expression + ")").asBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(
            "not true within %d s: %s; the page complained: %s"
                .formatted(patience.toSeconds(), expression, complaints()));
      }
      DevTools.pause();
    }
  }

  /** Moves the pointer, in CSS pixels of the window. */
  public void pointTo(double x, double y) {
    ask("Input.dispatchMouseEvent", Map.of("type", "mouseMoved", "x", x, "y", y));
  }

  /** Errors and warnings on the page's console, exceptions, and requests that failed, so far. */
  public List<String> complaints() {
    return tools.events(session).stream()
        .filter(BrowserPage::isComplaint)
        .map(JsonNode::toString)
        .toList();
  }

  private static boolean isComplaint(JsonNode event) {
    JsonNode parameters = event.path("params");
    return switch (event.path("method").asText()) {
      case "Runtime.exceptionThrown", "Network.loadingFailed" -> true;
      case "Runtime.consoleAPICalled" ->
          List.of("error", "warning", "assert").contains(parameters.path("type").asText());
      case "Log.entryAdded" ->
          List.of("error", "warning").contains(parameters.path("entry").path("level").asText());
      default -> false;
    };
  }

  /** The addresses of all requests so far, in order. */
  public List<URI> requests() {
    return tools.events(session).stream()
        .filter(event -> event.path("method").asText().equals("Network.requestWillBeSent"))
        .map(event -> URI.create(event.path("params").path("request").path("url").asText()))
        .toList();
  }

  /** Writes what is in the window, or the whole page, as a PNG file. */
  public void screenshot(Path file, boolean wholePage) throws IOException {
    JsonNode picture =
        ask("Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", wholePage));
    Files.write(file, Base64.getDecoder().decode(picture.path("data").asText()));
  }

  private JsonNode ask(String method, Map<String, Object> parameters) {
    return tools.ask(session, method, parameters);
  }

  private static String quoted(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }
}
