package io.sparkhawk.helm;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.comments.CommentLine;
import org.yaml.snakeyaml.comments.CommentType;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.representer.Representer;
import org.yaml.snakeyaml.resolver.Resolver;

/**
 * The table of values in the chart's README, made from {@code values.yaml}: each value's path, its
 * default, and the comment above it.
 */
final class ValuesTable {

  private static final String BEGIN = "<!-- values: made from the comments of values.yaml -->\n";
  private static final String END = "<!-- end of values -->\n";

  /**
   * One value.
   *
   * @param path with dots between the keys
   * @param defaultValue as YAML in one line
   * @param meaning its comment; empty if there is none
   */
  record Value(String path, String defaultValue, String meaning) {}

  private ValuesTable() {}

  /** The values of {@code values.yaml} in its order. */
  static List<Value> values(String yaml) {
    LoaderOptions options = new LoaderOptions();
    options.setProcessComments(true);
    Yaml parser =
        new Yaml(
            new SafeConstructor(options),
            new Representer(new DumperOptions()),
            new DumperOptions(),
            options,
            new Resolver());
    List<Value> values = new ArrayList<>();
    collect((MappingNode) parser.compose(new java.io.StringReader(yaml)), "", values);
    return values;
  }

  /** The README with this table in the place of the one that it holds. */
  static String inside(String readme, String yaml) {
    int begin = readme.indexOf(BEGIN) + BEGIN.length();
    int end = readme.indexOf(END);
    return readme.substring(0, begin) + table(values(yaml)) + readme.substring(end);
  }

  private static String table(List<Value> values) {
    return values.stream()
        .map(
            value ->
                "| `%s` | %s | %s |%n"
                    .formatted(
                        value.path(),
                        "`" + value.defaultValue() + "`",
                        value.meaning().replace("|", "\\|")))
        .collect(Collectors.joining("", "| value | default | what it is |\n|---|---|---|\n", ""));
  }

  private static void collect(MappingNode section, String parent, List<Value> values) {
    for (NodeTuple entry : section.getValue()) {
      String path = parent + ((ScalarNode) entry.getKeyNode()).getValue();
      if (entry.getValueNode() instanceof MappingNode inner
          && !inner.getValue().isEmpty()
          && !isOneValue(path)) {
        collect(inner, path + ".", values);
      } else {
        values.add(new Value(path, flow(entry.getValueNode()), comment(entry.getKeyNode())));
      }
    }
  }

  /** Labels and resources are one value, whatever their keys. */
  private static boolean isOneValue(String path) {
    return path.endsWith(".labels") || path.endsWith(".resources");
  }

  private static String comment(Node key) {
    List<CommentLine> lines = key.getBlockComments() == null ? List.of() : key.getBlockComments();
    return lines.stream()
        .filter(line -> line.getCommentType() == CommentType.BLOCK)
        .map(line -> line.getValue().strip())
        .collect(Collectors.joining(" "));
  }

  private static String flow(Node node) {
    if (node instanceof ScalarNode scalar) {
      return scalar.getValue().isEmpty() ? "\"\"" : scalar.getValue();
    }
    if (node instanceof SequenceNode sequence) {
      return sequence.getValue().stream()
          .map(ValuesTable::flow)
          .collect(Collectors.joining(", ", "[", "]"));
    }
    return ((MappingNode) node)
        .getValue().stream()
            .map(entry -> flow(entry.getKeyNode()) + ": " + flow(entry.getValueNode()))
            .collect(Collectors.joining(", ", "{", "}"));
  }
}
