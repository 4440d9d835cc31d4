package io.sparkhawk.driver.config;

import io.sparkhawk.driver.config.SettingTree.Items;
import io.sparkhawk.driver.config.SettingTree.Section;
import io.sparkhawk.driver.config.SettingTree.Text;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
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

  private final Function<Node, String> place;
  private final Problems problems;

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
      Node root =
          new Yaml(new SafeConstructor(new LoaderOptions())).compose(new StringReader(yaml));
      return root == null ? Section.empty("the whole file") : convert(root, "");
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 0 : e.getProblemMark().getLine() + 1;
      problems.add("not YAML: line " + line + ": " + e.getProblem());
    } catch (YAMLException e) {
      problems.add("not YAML: " + e.getMessage());
    }
    return Section.empty("the whole file");
  }

  private SettingTree convert(Node node, String path) {
    if (node instanceof ScalarNode scalar) {
      return new Text(scalar.getValue(), scalar.getTag().equals(Tag.NULL), place.apply(node));
    }
    if (node instanceof SequenceNode sequence) {
      var items = new ArrayList<SettingTree>();
      for (Node item : sequence.getValue()) {
        items.add(convert(item, path + "[" + items.size() + "]"));
      }
      return new Items(items, place.apply(node));
    }
    return section((MappingNode) node, path);
  }

  private Section section(MappingNode mapping, String path) {
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
                entries.put(key, convert(entry.getValueNode(), keyPath));
              }
            });
    return new Section(entries, place.apply(mapping));
  }
}
