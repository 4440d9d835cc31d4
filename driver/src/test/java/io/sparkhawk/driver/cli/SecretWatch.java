package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.ZstdInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Looks at what other users of this machine can see while a run goes on: the command lines of all
 * processes, and the logs of its executors, which are gone afterwards.
 */
final class SecretWatch implements AutoCloseable {

  private final ScheduledExecutorService looking = Executors.newSingleThreadScheduledExecutor();
  private final Map<String, String> seen = new ConcurrentHashMap<>();

  private final ScheduledFuture<?> looks =
      looking.scheduleWithFixedDelay(this::look, 0, 100, TimeUnit.MILLISECONDS);

  private SecretWatch() {}

  static SecretWatch start() {
    return new SecretWatch();
  }

  private void look() {
    try (Stream<Path> processes = Files.list(Path.of("/proc"));
        Stream<Path> temporary = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      processes
          .filter(process -> process.getFileName().toString().matches("[0-9]+"))
          .forEach(process -> keep(process.resolve("cmdline")));
      temporary
          .filter(folder -> folder.getFileName().toString().startsWith("sparkhawk-"))
          .flatMap(folder -> Stream.of("0", "1", "2", "3").map(id -> log(folder, id)))
          .forEach(this::keep);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path log(Path folder, String executor) {
    return folder.resolve("executor-" + executor + "/executor.log");
  }

  private void keep(Path file) {
    try {
      seen.put(file.toString(), content(file));
    } catch (IOException gone) {
      // A process has ended, or a log was cleared away.
      return;
    }
  }

  private static String content(Path file) throws IOException {
    if (file.toString().endsWith(".zstd")) {
      try (InputStream log = new ZstdInputStream(Files.newInputStream(file)).setContinuous(true)) {
        return new String(log.readAllBytes(), StandardCharsets.ISO_8859_1);
      }
    }
    return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
  }

  /** What the executors logged, as far as it was seen. */
  List<String> executorLogs() {
    return seen.entrySet().stream()
        .filter(file -> file.getKey().endsWith("executor.log"))
        .map(Map.Entry::getValue)
        .toList();
  }

  /** Checks what was seen, and every file below a folder but one. */
  void assertNowhere(List<String> secrets, Path folder, Path except) throws IOException {
    assertThat(looks.isDone()).as("it could not look to the end").isFalse();
    assertThat(seen.values()).anyMatch(text -> text.contains("CoarseGrainedExecutorBackend"));
    assertThat(seen.keySet()).anyMatch(name -> name.endsWith("executor.log"));
    seen.forEach((name, text) -> assertThat(text).as(name).doesNotContain(secrets));
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        if (!file.equals(except)) {
          String text = content(file);
          secrets.forEach(
              secret -> assertThat(text.contains(secret)).as(file.toString()).isFalse());
        }
      }
    }
  }

  @Override
  public void close() {
    looking.shutdownNow();
  }
}
