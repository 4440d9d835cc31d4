package io.sparkhawk.driver.report;

import java.io.StringReader;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * A configuration as a list of settings, so that two can be compared: {@code student.state-size},
 * {@code stages.matrix.tokens}. Elements of a list are called by their names, if they have any.
 */
final class FlatSettings {

  private static final int MAX_DEPTH = 20;

  private final Map<String, String> settings = new LinkedHashMap<>();

  private FlatSettings() {}

  /** The settings with their values as they are written; none if the text is not YAML. */
  static Map<String, String> of(String yaml) {
    FlatSettings flat = new FlatSettings();
    try {
      LoaderOptions limits = new LoaderOptions();
      limits.setNestingDepthLimit(MAX_DEPTH);
      // The nodes are never constructed; the constructor is the one that could not do harm.
      Node root = new Yaml(new SafeConstructor(limits)).compose(new StringReader(yaml));
      if (root != null) {
        flat.add("", root);
      }
    } catch (YAMLException e) {
      return Map.of();
    }
    return Collections.unmodifiableMap(flat.settings);
  }

  private void add(String path, Node node) {
    if (node instanceof MappingNode mapping) {
      for (NodeTuple entry : mapping.getValue()) {
        add(join(path, text(entry.getKeyNode())), entry.getValueNode());
      }
    } else if (node instanceof SequenceNode list && isOfSections(list)) {
      for (int i = 0; i < list.getValue().size(); i++) {
        Node element = list.getValue().get(i);
        add(join(path, name((MappingNode) element, i)), element);
      }
    } else {
      settings.put(path, text(node));
    }
  }

  private static boolean isOfSections(SequenceNode list) {
    return !list.getValue().isEmpty()
        && list.getValue().stream().allMatch(MappingNode.class::isInstance);
  }

  private static String name(MappingNode section, int number) {
    return section.getValue().stream()
        .filter(entry -> text(entry.getKeyNode()).equals("name"))
        .map(entry -> text(entry.getValueNode()))
        .findFirst()
        .orElse(Integer.toString(number));
  }

  private static String text(Node node) {
    if (node instanceof ScalarNode scalar) {
      return scalar.getValue();
    }
    return node instanceof SequenceNode list
        ? list.getValue().stream().map(FlatSettings::text).toList().toString()
        : "{}";
  }

  private static String join(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}
