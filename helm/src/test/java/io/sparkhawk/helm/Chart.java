package io.sparkhawk.helm;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.yaml.snakeyaml.Yaml;

/**
 * The chart of this folder, as Helm renders it. Helm is called in this process; nothing reaches for
 * a cluster.
 */
final class Chart {

  static final Path FOLDER = Path.of("sparkhawk");
  static final String RELEASE = "mohawk";
  static final String NAMESPACE = "training";

  /** Any that the chart allows: Helm without a cluster assumes one that is older. */
  private static final String KUBERNETES = "1.31.0";

  private static final Path VALUE_SETS = FOLDER.resolve("ci");
  private static final Map<String, Manifests> RENDERED = new ConcurrentHashMap<>();

  private Chart() {}

  /** The names of the value sets in {@code ci/}. */
  static List<String> valueSets() {
    try (Stream<Path> files = Files.list(VALUE_SETS)) {
      return files
          .map(file -> file.getFileName().toString().replace(".yaml", ""))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What Helm makes of a value set in {@code ci/}. */
  static Manifests ofSet(String valueSet) {
    return RENDERED.computeIfAbsent(valueSet, set -> render(FOLDER, file(set)));
  }

  /** What Helm makes of a value set, with further values over it. */
  static Manifests ofSet(String valueSet, String values) {
    return withFile(values, file -> render(FOLDER, file(valueSet), file));
  }

  /** What Helm makes of a value set in {@code ci/} for a release of another name. */
  static Manifests ofRelease(String release, String valueSet) {
    return render(release, FOLDER, file(valueSet));
  }

  /**
   * What Helm makes of the values.
   *
   * @throws IllegalStateException with Helm's own message, if it refuses them
   */
  static Manifests of(String values) {
    return withFile(values, file -> render(FOLDER, file));
  }

  /**
   * The pods of {@code helm test}. Helm renders no hooks for a library that calls it, so this is a
   * copy of the chart in which they are none: the annotation is called {@code was.hook}.
   */
  static List<Pod> testPods(String valueSet, Path scratch) throws IOException {
    Path copy = copy(scratch);
    for (String test : List.of("access", "storage")) {
      Path template = copy.resolve("templates/tests/" + test + ".yaml");
      Files.writeString(template, Files.readString(template).replace("helm.sh/hook:", "was.hook:"));
    }
    return render(copy, file(valueSet)).of(Pod.class);
  }

  private static Path copy(Path scratch) throws IOException {
    Path copy = scratch.resolve("sparkhawk");
    try (Stream<Path> files = Files.walk(FOLDER)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(FOLDER.relativize(file).toString()));
      }
    }
    return copy;
  }

  /** Helm's opinion of the chart, with a value set in the place of its own values. */
  static LintResult lint(String valueSet, Path scratch) throws IOException {
    Path copy = copy(scratch);
    Files.writeString(copy.resolve("values.yaml"), new Yaml().dump(merged(valueSet)));
    return new Helm(copy).lint().strict().call();
  }

  /** The version of the program that the chart is made for. */
  static String appVersion() {
    return (String) read(FOLDER.resolve("Chart.yaml")).get("appVersion");
  }

  /** The chart's own values. */
  static Map<String, Object> values() {
    return read(FOLDER.resolve("values.yaml"));
  }

  /** The chart's own values with those of a set over them, as Helm merges them. */
  static Map<String, Object> merged(String valueSet) {
    return merge(values(), read(file(valueSet)));
  }

  static String text(String file) {
    try {
      return Files.readString(FOLDER.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Manifests render(Path chart, Path... valueFiles) {
    return render(RELEASE, chart, valueFiles);
  }

  private static Manifests render(String release, Path chart, Path... valueFiles) {
    var command =
        new Helm(chart)
            .template()
            .withName(release)
            .withNamespace(NAMESPACE)
            .withKubeVersion(KUBERNETES);
    for (Path file : valueFiles) {
      command.withValuesFile(file);
    }
    return Manifests.of(command.call());
  }

  private static Manifests withFile(String values, Function<Path, Manifests> use) {
    try {
      Path file = Files.createTempFile("values-", ".yaml");
      try {
        Files.writeString(file, values);
        return use.apply(file);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path file(String valueSet) {
    return VALUE_SETS.resolve(valueSet + ".yaml");
  }

  private static Map<String, Object> read(Path file) {
    try {
      return new Yaml().load(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> merge(Map<String, Object> below, Map<String, Object> above) {
    Map<String, Object> both = new LinkedHashMap<>(below);
    above.forEach(
        (key, value) ->
            both.merge(
                key,
                value,
                (old, given) ->
                    old instanceof Map<?, ?> section && given instanceof Map<?, ?> over
                        ? merge((Map<String, Object>) section, (Map<String, Object>) over)
                        : given));
    return both;
  }
}
