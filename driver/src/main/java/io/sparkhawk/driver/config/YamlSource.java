package io.sparkhawk.driver.config;

import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.driver.config.SettingTree.Items;
import io.sparkhawk.driver.config.SettingTree.Section;
import io.sparkhawk.driver.config.SettingTree.Text;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Set;
import java.util.function.Function;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Makes a {@link SettingTree} of YAML. Texts stay texts: what a value means is decided by the type
 * of the setting, never by YAML's guess ({@code 1e-3} and {@code no} are what the setting says).
 */
final class YamlSource {

  /** No configuration of ours comes near these. */
  static final int MAX_CHARACTERS = 1 << 18;

  private static final int MAX_LINE = 10_000;
  private static final int MAX_VALUES = 5_000;
  private static final int MAX_DEPTH = 50;

  /** What YAML makes of plain values; others would stand for objects of some language. */
  private static final Set<Tag> PLAIN_TAGS =
      Set.of(
          Tag.STR,
          Tag.INT,
          Tag.FLOAT,
          Tag.BOOL,
          Tag.NULL,
          Tag.TIMESTAMP,
          Tag.SEQ,
          Tag.MAP,
          Tag.MERGE);

  private final Function<Node, String> place;
  private final Problems problems;
  private int values;

  private YamlSource(Function<Node, String> place, Problems problems) {
    this.place = place;
    this.problems = problems;
  }

  /** Reads a file's text; places are line numbers. */
  static SettingTree parseFile(String yaml, Problems problems) {
    return new YamlSource(node -> "line " + (node.getStartMark().getLine() + 1), problems)
        .parse(yaml);
  }

  /** Reads a value that stands at one place, such as a command-line option. */
  static SettingTree parseValue(String yaml, String place, Problems problems) {
    if (yaml.isEmpty()) {
      return new Text("", false, place);
    }
    return new YamlSource(node -> place, problems).parse(yaml);
  }

  private SettingTree parse(String yaml) {
    try {
      requireShortLines(yaml);
      LoaderOptions limits = new LoaderOptions();
      limits.setCodePointLimit(MAX_CHARACTERS);
      limits.setNestingDepthLimit(MAX_DEPTH);
      // The nodes are never constructed; the constructor is the one that could not do harm.
      Node root = new Yaml(new SafeConstructor(limits)).compose(new StringReader(yaml));
      return root == null ? Section.empty("the whole file") : convert(root, "", 0);
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 0 : e.getProblemMark().getLine() + 1;
      problems.add("not YAML: line " + line + ": " + Shortened.of(e.getProblem()));
    } catch (YAMLException e) {
      problems.add("not YAML: " + Shortened.of(e.getMessage()));
    }
    return Section.empty("the whole file");
  }

  /** The parser copies all that it has read of a line for each kilobyte more of it. */
  private static void requireShortLines(String yaml) {
    int number = 0;
    for (String line : (Iterable<String>) yaml.lines()::iterator) {
      number++;
      if (line.length() > MAX_LINE) {
        throw new YAMLException(
            "line %d has %d characters; at most %d are allowed"
                .formatted(number, line.length(), MAX_LINE));
      }
    }
  }

  /** An alias stands for a copy of what it names, so few lines can be endlessly many values. */
  private SettingTree convert(Node node, String path, int depth) {
    values++;
    if (depth > MAX_DEPTH || values > MAX_VALUES) {
      throw new YAMLException(
          "more than " + MAX_VALUES + " values, or more than " + MAX_DEPTH + " within each other");
    }
    if (!PLAIN_TAGS.contains(node.getTag())) {
      problems.add(
          "%s (%s): the tag %s is not allowed; write a plain value."
              .formatted(path, place.apply(node), Shortened.of(node.getTag().getValue())));
    }
    if (node instanceof ScalarNode scalar) {
      return new Text(scalar.getValue(), scalar.getTag().equals(Tag.NULL), place.apply(node));
    }
    if (node instanceof SequenceNode sequence) {
      var items = new ArrayList<SettingTree>();
      for (Node item : sequence.getValue()) {
        items.add(convert(item, path + "[" + items.size() + "]", depth + 1));
      }
      return new Items(items, place.apply(node));
    }
    return section((MappingNode) node, path, depth);
  }

  private Section section(MappingNode mapping, String path, int depth) {
    var entries = new LinkedHashMap<String, SettingTree>();
    mapping
        .getValue()
        .forEach(
            entry -> {
              String key =
                  entry.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "?";
              String keyPath = SettingPath.child(path, key);
              if (entries.containsKey(key)) {
                problems.add(
                    keyPath
                        + " ("
                        + place.apply(entry.getKeyNode())
                        + "): given a second time; the first stands at "
                        + entries.get(key).place()
                        + ". Keep one of them.");
              } else {
                entries.put(key, convert(entry.getValueNode(), keyPath, depth + 1));
              }
            });
    return new Section(entries, place.apply(mapping));
  }
}
