package io.sparkhawk.driver.config;

import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Writes a record of settings as YAML, defaults included: what {@link ConfigReader} reads from it
 * is equal to the record.
 */
public final class ConfigWriter {

  /** Texts that mean themselves in YAML without quotes. */
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9/_.][A-Za-z0-9/_.=+-]*");

  private final StringBuilder yaml = new StringBuilder();

  private ConfigWriter() {}

  /** The settings as YAML text. */
  public static String write(Record settings) {
    ConfigWriter writer = new ConfigWriter();
    writer.section(settings, "");
    return writer.yaml.toString();
  }

  private void section(Record settings, String indent) {
    for (RecordComponent component : settings.getClass().getRecordComponents()) {
      Object value = valueOf(settings, component);
      if (value instanceof Optional<?> optional) {
        optional.ifPresent(given -> entry(component, given, indent));
      } else {
        entry(component, value, indent);
      }
    }
  }

  private void entry(RecordComponent component, Object value, String indent) {
    yaml.append(indent).append(SettingPath.kebab(component.getName())).append(':');
    if (value instanceof Record nested) {
      yaml.append('\n');
      section(nested, indent + "  ");
    } else if (value instanceof List<?> list && list.stream().anyMatch(Record.class::isInstance)) {
      yaml.append('\n');
      list.forEach(element -> element((Record) element, indent + "  "));
    } else if (value instanceof List<?> list) {
      yaml.append(" [")
          .append(String.join(", ", list.stream().map(ConfigWriter::text).toList()))
          .append("]\n");
    } else if (value instanceof Map<?, ?> map && !map.isEmpty()) {
      yaml.append('\n');
      map.keySet().stream()
          .sorted()
          .forEach(
              key -> yaml.append(indent + "  " + text(key) + ": " + text(map.get(key)) + "\n"));
    } else {
      yaml.append(' ').append(value instanceof Map ? "{}" : text(value)).append('\n');
    }
  }

  /** A dash instead of the first key's indentation makes the section an element of a list. */
  private void element(Record element, String indent) {
    int start = yaml.length();
    section(element, indent + "  ");
    yaml.setCharAt(start + indent.length(), '-');
  }

  private static String text(Object value) {
    String text = ValueType.write(value);
    if (!(value instanceof String) || (PLAIN.matcher(text).matches() && !text.equals("null"))) {
      return text;
    }
    return quoted(text);
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    text.chars().forEach(character -> quoted.append(escaped((char) character)));
    return quoted.append('"').toString();
  }

  private static String escaped(char character) {
    if (character == '"' || character == '\\') {
      return "\\" + character;
    }
    boolean printable = character >= ' ' && character <= '~';
    return printable ? String.valueOf(character) : "\\u%04x".formatted((int) character);
  }

  private static Object valueOf(Record settings, RecordComponent component) {
    try {
      var accessor = component.getAccessor();
      accessor.setAccessible(true);
      return accessor.invoke(settings);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot read " + component, e);
    }
  }
}
