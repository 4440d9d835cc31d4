package io.sparkhawk.testing;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A headless Chromium that is installed on this machine, told what to do over its DevTools
 * protocol. It asks for nothing on its own: what it requests, pages made it request.
 *
 * <p>The browser and its profile are gone when this is closed.
 */
public final class Browser implements AutoCloseable {

  private static final Duration START = Duration.ofSeconds(60);
  private static final Pattern LISTENING = Pattern.compile("DevTools listening on (ws://\\S+)");
  private static final List<String> NAMES =
      List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

  private final Process process;
  private final Path profile;
  private final DevTools tools;

  private Browser(Process process, Path profile, DevTools tools) {
    this.process = process;
    this.profile = profile;
    this.tools = tools;
  }

  /** The browser's program; empty where none is on the {@code PATH}. */
  public static Optional<Path> program() {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .flatMap(folder -> NAMES.stream().map(Path.of(folder)::resolve))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * Starts a browser.
   *
   * @throws IllegalStateException if there is none, or it does not start
   */
  public static Browser start() {
    Path program =
        program()
            .orElseThrow(() -> new IllegalStateException("no " + NAMES.get(0) + " on the PATH"));
    Path profile = temporaryFolder();
    Process process = null;
    try {
      Path log = profile.resolve("browser.log");
      process =
          new ProcessBuilder(command(program, profile))
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      return new Browser(process, profile, DevTools.connect(address(process, log)));
    } catch (IOException | RuntimeException e) {
      if (process != null) {
        process.destroyForcibly();
      }
      delete(profile);
      throw new IllegalStateException(program + " does not start: " + e.getMessage(), e);
    }
  }

  private static List<String> command(Path program, Path profile) {
    return List.of(
        program.toString(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-default-apps",
        "--hide-scrollbars",
        "--remote-debugging-port=0",
        "--user-data-dir=" + profile.resolve("profile"),
        "about:blank");
  }

  /** Waits for the line by which the browser says where it listens. */
  private static URI address(Process process, Path log) throws IOException {
    long deadline = System.nanoTime() + START.toNanos();
    while (System.nanoTime() < deadline) {
      Matcher line = LISTENING.matcher(Files.readString(log));
      if (line.find()) {
        return URI.create(line.group(1));
      }
      if (!process.isAlive()) {
        throw new IOException(
            "it ended with code " + process.exitValue() + ": " + Files.readString(log));
      }
      DevTools.pause();
    }
    throw new IOException("it did not listen within " + START.toSeconds() + " s");
  }

  /**
   * Opens a page in a window of this size and returns when it is loaded.
   *
   * @param width in CSS pixels
   * @param height in CSS pixels
   * @param dark whether the page is told that the user likes it dark
   */
  public BrowserPage open(URI address, int width, int height, boolean dark) {
    JsonNode target = tools.ask("", "Target.createTarget", Map.of("url", "about:blank"));
    JsonNode session =
        tools.ask(
            "",
            "Target.attachToTarget",
            Map.of("targetId", target.path("targetId").asText(), "flatten", true));
    BrowserPage page = new BrowserPage(tools, session.path("sessionId").asText());
    page.prepare(width, height, dark);
    page.go(address);
    return page;
  }

  /** Ends the browser. */
  @Override
  public void close() {
    tools.close();
    List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
    all.add(process.toHandle());
    all.forEach(ProcessHandle::destroyForcibly);
    try {
      process.waitFor(START.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    delete(profile);
  }

  private static Path temporaryFolder() {
    try {
      return Files.createTempDirectory("browser-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException | UncheckedIOException e) {
      return; // Left to the system's own cleaning of temporary files.
    }
  }
}
