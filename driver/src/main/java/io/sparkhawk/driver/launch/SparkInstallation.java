package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * An installed Spark, whose libraries come before those of an application.
 *
 * @param home its folder, SPARK_HOME
 * @param libraries versions of the libraries in its jars, by their names
 */
public record SparkInstallation(Path home, Map<String, String> libraries) {

  private static final String CORE = "spark-core_2.13";
  private static final String MAJOR = "4.";

  /** The version starts at the first digit that follows a dash. */
  private static final Pattern JAR = Pattern.compile("(.+?)-(\\d.*)\\.jar");

  public SparkInstallation {
    libraries = Map.copyOf(libraries);
  }

  /**
   * The installation in a folder.
   *
   * @throws ConfigurationException if there is none, or one that Sparkhawk does not run on
   */
  public static SparkInstallation in(Path home) {
    if (!Files.isExecutable(home.resolve("bin/spark-submit"))) {
      throw new ConfigurationException(
          "There is no Spark in %s: no program bin/spark-submit. Set SPARK_HOME, or --spark-home, to the folder of an installed Spark 4."
              .formatted(home));
    }
    Map<String, String> libraries = new TreeMap<>();
    for (Path jar : jars(home.resolve("jars"))) {
      Matcher parts = JAR.matcher(jar.getFileName().toString());
      if (parts.matches()) {
        libraries.put(parts.group(1), parts.group(2));
      }
    }
    String version = libraries.getOrDefault(CORE, "unknown");
    if (!version.startsWith(MAJOR)) {
      throw new ConfigurationException(
          "The Spark in %s has the version %s (%s in jars), but Sparkhawk needs Spark 4 with Scala 2.13."
              .formatted(home, version, CORE));
    }
    return new SparkInstallation(home, libraries);
  }

  /** Those of a distribution's jars whose libraries this Spark does not have, in any version. */
  public List<Path> missing(Path distributionJars) {
    return jars(distributionJars).stream()
        .filter(jar -> !has(jar.getFileName().toString()))
        .toList();
  }

  private boolean has(String jar) {
    Matcher parts = JAR.matcher(jar);
    return parts.matches() && libraries.containsKey(parts.group(1));
  }

  private static List<Path> jars(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
    } catch (IOException e) {
      throw new InfrastructureException(
          "The jars in %s cannot be listed: %s".formatted(folder, e.getMessage()), e);
    }
  }
}
