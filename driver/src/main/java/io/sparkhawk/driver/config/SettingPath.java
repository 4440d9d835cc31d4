package io.sparkhawk.driver.config;

import io.sparkhawk.driver.config.SettingTree.Items;
import io.sparkhawk.driver.config.SettingTree.Section;
import io.sparkhawk.driver.config.SettingTree.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The way from the top of a configuration to one setting: keys with dots between them, and in
 * brackets the number of a list's element (from 0) or a key that has dots itself.
 *
 * <pre>
 * workers
 * stages[0].learning-rate
 * spark[spark.executor.memory]
 * </pre>
 */
final class SettingPath {

  private static final Pattern STEP = Pattern.compile("\\G(?:\\.?([^.\\[\\]]+)|\\[([^\\[\\]]+)])");

  private SettingPath() {}

  /** The YAML name of a record component: {@code batchTokens} is {@code batch-tokens}. */
  static String kebab(String component) {
    return component.replaceAll("(?<=[a-z0-9])(?=[A-Z])", "-").toLowerCase(Locale.ROOT);
  }

  /** The path of a key inside a section; the top's own path is empty. */
  static String child(String parent, String key) {
    if (key.contains(".")) {
      return parent + "[" + key + "]";
    }
    return parent.isEmpty() ? key : parent + "." + key;
  }

  /**
   * A copy of {@code tree} with the setting at {@code path} replaced or added.
   *
   * @throws IllegalArgumentException with a sentence, if there is no such place in the tree
   */
  static SettingTree replace(SettingTree tree, String path, SettingTree value) {
    return replace(tree, steps(path), 0, value);
  }

  /** The setting at a path of keys, if it is given. */
  static Optional<SettingTree> find(SettingTree tree, String path) {
    SettingTree at = tree;
    for (String step : steps(path)) {
      SettingTree next = at instanceof Section section ? section.entries().get(step) : null;
      if (next == null) {
        return Optional.empty();
      }
      at = next;
    }
    return Optional.of(at);
  }

  private static List<String> steps(String path) {
    var steps = new ArrayList<String>();
    Matcher matcher = STEP.matcher(path);
    int end = 0;
    while (matcher.find()) {
      steps.add(matcher.group(1) != null ? matcher.group(1) : matcher.group(2));
      end = matcher.end();
    }
    if (steps.isEmpty() || end != path.length()) {
      throw new IllegalArgumentException(
          "'" + path + "' is not a path of keys such as workers or stages[0].learning-rate");
    }
    return steps;
  }

  private static SettingTree replace(
      SettingTree tree, List<String> steps, int at, SettingTree value) {
    if (at == steps.size()) {
      return value;
    }
    String step = steps.get(at);
    if (tree instanceof Items list) {
      int index = index(step, list.items().size());
      return list.replacing(index, replace(list.items().get(index), steps, at + 1, value));
    }
    if (tree instanceof Text text && !text.absent()) {
      throw new IllegalArgumentException(
          "'" + step + "' cannot be set inside of " + text.kind() + ", which is a plain value");
    }
    Section section = tree instanceof Section s ? s : Section.empty(value.place());
    SettingTree child = section.entries().getOrDefault(step, Section.empty(value.place()));
    return section.with(step, replace(child, steps, at + 1, value));
  }

  private static int index(String step, int size) {
    if (!step.matches("\\d{1,9}") || Integer.parseInt(step) >= size) {
      throw new IllegalArgumentException(
          "'" + step + "' is not an element of the list, which has " + size + ", counted from 0");
    }
    return Integer.parseInt(step);
  }
}
