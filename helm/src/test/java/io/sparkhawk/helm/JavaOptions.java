package io.sparkhawk.helm;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The settings in {@code java.options}, the file from which the launcher's JVM takes them. */
final class JavaOptions {

  private static final Pattern LINE = Pattern.compile("\"-D([^=]+)=((?:[^\"\\\\]|\\\\.)*)\"");

  private JavaOptions() {}

  static Map<String, String> of(Manifests manifests) {
    Map<String, String> settings = new TreeMap<>();
    manifests
        .configFile("java.options")
        .orElseThrow()
        .lines()
        .forEach(
            line -> {
              Matcher matcher = LINE.matcher(line);
              if (!matcher.matches()) {
                throw new AssertionError("not an option as java reads it: " + line);
              }
              settings.put(matcher.group(1), matcher.group(2).replaceAll("\\\\(.)", "$1"));
            });
    return settings;
  }
}
