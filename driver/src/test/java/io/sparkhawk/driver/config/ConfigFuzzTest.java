package io.sparkhawk.driver.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.testing.Fuzz;
import io.sparkhawk.testing.Mutations;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Configurations that were damaged, or made to do harm. */
@Timeout(120)
class ConfigFuzzTest {

  private static final String YAML =
      """
      run: tiny
      storage: s3a://bucket/runs
      teacher: teachers/phi
      data: data/books
      workers: 2
      device: cpu
      student: {state-size: 16, chunk-size: 32, attention-blocks: [3]}
      checkpoints: {every-steps: 2, keep: 1}
      timeouts:
        heartbeat: 30s
      stages:
        - {name: matrix, tokens: 80M, batch-tokens: 32K, learning-rate: 1e-3}
        - name: distill
          tokens: 1.5B
          batch-tokens: 64K
          learning-rate: 5e-4
      spark:
        spark.executor.memory: 4g
      """;

  private static final List<String> WORDS =
      List.of(
          "&a [*a, *a]",
          "&a {b: *a}",
          "*a",
          "!!javax.script.ScriptEngineManager [x]",
          "!local x",
          "<<: *a",
          "? [complex]",
          "- - - -",
          "|",
          ">-",
          "\"unclosed",
          "---",
          "%YAML 9.9",
          "\t",
          "1_000_000e99",
          "9".repeat(3000),
          "[".repeat(500),
          "{a: ".repeat(300),
          "../../etc/passwd",
          "\u202e\u0007\ufeff",
          "0x7fffffffffffffff",
          "-1",
          "1e999",
          "99999999999d",
          "~");

  @TempDir private Path folder;

  @Test
  void damagedConfigurationIsTakenOrRefusedInASentence() {
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(ConfigurationException.class, "run.yaml")
            .within(8 << 20, 1000)
            .run(3000, ConfigFuzzTest::mutated, content -> read(text(content)));
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }

  private static String text(byte[] content) {
    return new String(content, StandardCharsets.UTF_8);
  }

  private static RunConfig read(String yaml) {
    return ConfigReader.ofYaml("run.yaml", yaml).read(RunConfig.class, RunConfig::check);
  }

  private static byte[] mutated(Random random) {
    if (random.nextInt(4) == 0) {
      return Mutations.ofBytes(random, YAML.getBytes(StandardCharsets.UTF_8));
    }
    List<String> lines = new ArrayList<>(YAML.lines().toList());
    for (int edits = 1 + random.nextInt(3); edits > 0 && !lines.isEmpty(); edits--) {
      int at = random.nextInt(lines.size());
      String line = lines.get(at);
      String word = WORDS.get(random.nextInt(WORDS.size()));
      switch (random.nextInt(6)) {
        case 0 -> lines.remove(at);
        case 1 -> lines.add(random.nextInt(lines.size()), line);
        case 2 -> lines.add(at, " ".repeat(random.nextInt(6)) + word);
        case 3 -> lines.set(at, " ".repeat(random.nextInt(4)) + line);
        case 4 -> lines.set(at, line.replaceFirst("[0-9]+[a-zA-Z]?", quoted(word)));
        default -> lines.set(at, line.replaceFirst(": .*", ": " + quoted(word)));
      }
    }
    return String.join("\n", lines).getBytes(StandardCharsets.UTF_8);
  }

  private static String quoted(String word) {
    return Matcher.quoteReplacement(word);
  }

  /** What few bytes could make much of. */
  static List<String> bombs() {
    return List.of(
        "run: tiny\nworkers: " + "9".repeat(250_000) + "\n",
        "run: tiny\nworkers: 1." + "0".repeat(250_000) + "\n",
        "run: tiny\nseed: " + "1_".repeat(4_000) + "\n",
        "run: tiny\nteacher: " + "x".repeat(900_000) + "\nworkers: x",
        "x".repeat(9_000) + ": 1",
        "[".repeat(100_000),
        "run: " + "[".repeat(100_000),
        "a: 1\n".repeat(50_000),
        "- 1\n".repeat(60_000),
        """
        b: &b [x, x, x, x]
        c: &c [*b, *b, *b, *b]
        d: &d [*c, *c, *c, *c]
        e: &e [*d, *d, *d, *d]
        f: &f [*e, *e, *e, *e]
        g: &g [*f, *f, *f, *f]
        h: &h [*g, *g, *g, *g]
        i: &i [*h, *h, *h, *h]
        j: &j [*i, *i, *i, *i]
        k: [*j, *j, *j, *j]
        """,
        "run: &a {b: *a}",
        "&a ? *a : *a");
  }

  @ParameterizedTest
  @MethodSource("bombs")
  void smallFileCannotTakeMuchMemory(String yaml) {
    byte[] content = yaml.getBytes(StandardCharsets.UTF_8);
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(ConfigurationException.class, "run.yaml")
            .within(8 << 20, 1000)
            .withLongMessages()
            .run(2, random -> content, bytes -> read(text(bytes)));
    assertThat(outcome.taken()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[]]]",
        "run: !!java.lang.ProcessBuilder [[touch, /tmp/x]]",
        "spark: !!java.util.HashMap {spark.x: y}",
        "run: !custom x"
      })
  void yamlMakesNoObjects(String line) {
    String yaml = YAML.replace("run: tiny\n", line.startsWith("run") ? line + "\n" : "run: tiny\n");
    String whole = line.startsWith("run") ? yaml : YAML.substring(0, YAML.indexOf("spark:")) + line;
    assertThatThrownBy(() -> read(whole))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("tag")
        .hasMessageContaining("not allowed");
  }

  @Test
  void fileThatIsTooLargeIsNotRead() throws IOException {
    Path file = folder.resolve("run.yaml");
    try (var sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(1L << 40);
    }
    assertThatThrownBy(() -> ConfigReader.ofFile(file))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll(file.toString(), "larger than");
    Files.delete(file);
  }
}
