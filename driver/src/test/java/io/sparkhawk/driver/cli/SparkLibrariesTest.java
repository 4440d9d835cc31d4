package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The libraries of an application against those that an installed Spark brings, which Maven says of
 * Spark's own modules; src/test/spark-libraries/list has made the list.
 */
class SparkLibrariesTest {

  private static final Pattern JAR = Pattern.compile("(.+?)-(\\d.*)\\.jar");
  private static final Set<String> OURS = Set.of("driver", "executor", "data-pipeline");

  /** Versions by the names of the libraries. */
  private final Map<String, Set<String>> spark = new HashMap<>();

  private String version;

  @BeforeEach
  void readList() throws IOException {
    try (InputStream in = SparkLibrariesTest.class.getResourceAsStream("spark-libraries.txt")) {
      List<String> lines = new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
      version = lines.get(0);
      lines.stream()
          .skip(1)
          .map(line -> parts(line.replace(' ', '-') + ".jar"))
          .forEach(
              jar ->
                  spark.computeIfAbsent(jar.group(1), name -> new TreeSet<>()).add(jar.group(2)));
    }
  }

  private static Matcher parts(String fileName) {
    Matcher parts = JAR.matcher(fileName);
    assertThat(parts.matches()).as(fileName).isTrue();
    return parts;
  }

  private static Matcher parts(Path jar) {
    return parts(jar.getFileName().toString());
  }

  @Test
  void theListIsOfTheSparkThatThisIsBuiltWith() {
    assertThat(version).isEqualTo("Spark " + org.apache.spark.package$.MODULE$.SPARK_VERSION());
    assertThat(spark).hasSizeGreaterThan(200).containsKeys("spark-core_2.13", "spark-yarn_2.13");
  }

  @Test
  void whatAnInstalledSparkDoesNotHaveIsWhatThePageSays() throws IOException {
    Set<String> missing =
        Distribution.libraries().stream()
            .map(jar -> parts(jar).group(1))
            .filter(name -> !spark.containsKey(name))
            .collect(Collectors.toCollection(TreeSet::new));
    missing.addAll(OURS);
    assertThat(missing).isEqualTo(new TreeSet<>(StandaloneCluster.notInSpark()));
  }

  @Test
  void whatBothHaveIsOfOneVersion() {
    Map<String, String> others = new TreeMap<>();
    for (Path jar : Distribution.libraries()) {
      Matcher parts = parts(jar);
      Set<String> versions = spark.getOrDefault(parts.group(1), Set.of(parts.group(2)));
      if (!versions.contains(parts.group(2))) {
        others.put(jar.getFileName().toString(), "Spark has " + versions);
      }
    }
    assertThat(others).isEmpty();
  }

  @Test
  void noClassThatIsSentIsOneOfSparks() throws IOException {
    Map<String, Path> sparks = new HashMap<>();
    Map<String, Path> sent = new HashMap<>();
    for (Path jar : Distribution.libraries()) {
      Map<String, Path> side = spark.containsKey(parts(jar).group(1)) ? sparks : sent;
      classes(jar).forEach(name -> side.put(name, jar.getFileName()));
    }
    assertThat(sparks)
        .hasSizeGreaterThan(10_000)
        .containsKey("org/apache/spark/SparkContext.class");
    assertThat(sent).hasSizeGreaterThan(1_000).containsKey("ai/djl/Device.class");
    Map<String, String> twice = new TreeMap<>();
    sent.forEach(
        (name, jar) -> {
          if (sparks.containsKey(name)) {
            twice.put(jar + " and " + sparks.get(name), name);
          }
        });
    assertThat(twice).as("a class that both have, by its two jars").isEmpty();
  }

  private static Set<String> classes(Path jar) throws IOException {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      return zip.stream()
          .map(ZipEntry::getName)
          .filter(name -> name.endsWith(".class") && !name.startsWith("META-INF/"))
          .filter(name -> !name.endsWith("module-info.class"))
          .collect(Collectors.toCollection(HashSet::new));
    }
  }
}
