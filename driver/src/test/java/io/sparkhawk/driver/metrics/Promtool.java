package io.sparkhawk.driver.metrics;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Prometheus's own checks, where its tool is on the path. */
public final class Promtool {

  private Promtool() {}

  /** What {@code promtool} said of an input; the test is skipped where there is no such tool. */
  public record Verdict(int exitCode, String output) {}

  /** Whether there is such a tool. */
  public static boolean isThere() {
    return tool().isPresent();
  }

  /** A page without what Spark's own names are, which follow no convention. */
  public static String ours(String page) {
    return page.lines()
        .filter(line -> !line.startsWith("metrics_"))
        .map(line -> line + "\n")
        .collect(Collectors.joining());
  }

  /** Runs it in a folder. */
  public static Verdict run(Path folder, String input, String... arguments)
      throws IOException, InterruptedException {
    Optional<Path> tool = tool();
    assumeTrue(tool.isPresent(), "promtool is not on the PATH: Debian's package prometheus has it");
    Path given = Files.writeString(Files.createTempFile("promtool", ".in"), input);
    Path told = Files.createTempFile("promtool", ".out");
    try {
      List<String> command = new ArrayList<>(List.of(tool.get().toString()));
      command.addAll(List.of(arguments));
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectInput(given.toFile())
              .redirectErrorStream(true)
              .redirectOutput(told.toFile())
              .start();
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException("promtool has not ended after 60 s");
      }
      return new Verdict(process.exitValue(), Files.readString(told, StandardCharsets.UTF_8));
    } finally {
      Files.delete(given);
      Files.delete(told);
    }
  }

  private static Optional<Path> tool() {
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
        .map(folder -> Path.of(folder, "promtool"))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
