package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import io.sparkhawk.driver.config.SettingTree.Items;
import io.sparkhawk.driver.config.SettingTree.Section;
import io.sparkhawk.driver.config.SettingTree.Text;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Gives a {@link SettingTree} its types: makes a record, and the records inside of it, whose
 * components all carry {@link Setting}. A value that is not allowed becomes a problem and an empty
 * result, and the rest is read on, so that everything wrong is found in one pass.
 */
final class SettingBinder {

  private final Problems problems;

  SettingBinder(Problems problems) {
    this.problems = problems;
  }

  /** Reads the record {@code type} from a section; empty if there was a problem inside of it. */
  <T> Optional<T> record(Class<T> type, SettingTree tree, String path) {
    if (!(section(tree) instanceof Section section)) {
      refuse(path, tree, "allowed is a section with the keys " + names(type));
      return Optional.empty();
    }
    boolean known = refuseUnknownKeys(type, section, path);
    RecordComponent[] components = type.getRecordComponents();
    Object[] values = new Object[components.length];
    boolean complete = known;
    for (int i = 0; i < components.length; i++) {
      Optional<?> value = component(components[i], section, path);
      complete &= value.isPresent();
      values[i] = value.orElse(null);
    }
    return complete ? construct(type, components, values, section, path) : Optional.empty();
  }

  /** The annotation of a component; a settings record without it is a mistake in the program. */
  static Setting setting(RecordComponent component) {
    Setting setting = component.getAnnotation(Setting.class);
    if (setting == null) {
      throw new IllegalStateException(
          component.getDeclaringRecord().getName()
              + "."
              + component.getName()
              + " has no @Setting");
    }
    return setting;
  }

  /** The names of a record's settings, as they are written in YAML. */
  static List<String> names(Class<?> type) {
    return Arrays.stream(type.getRecordComponents())
        .map(component -> SettingPath.kebab(component.getName()))
        .toList();
  }

  /** A key without a value stands for a section without keys. */
  private static SettingTree section(SettingTree tree) {
    return tree instanceof Text text && text.absent() ? Section.empty(text.place()) : tree;
  }

  private boolean refuseUnknownKeys(Class<?> type, Section section, String path) {
    List<String> names = names(type);
    boolean known = true;
    for (Map.Entry<String, SettingTree> entry : section.entries().entrySet()) {
      if (!names.contains(entry.getKey())) {
        known = false;
        problems.add(
            SettingPath.child(path, entry.getKey())
                + at(entry.getValue())
                + ": unknown key; "
                + Spelling.nearest(entry.getKey(), names)
                    .map(near -> "did you mean '" + near + "'?")
                    .orElse("known are " + String.join(", ", names) + "."));
      }
    }
    return known;
  }

  private Optional<?> component(RecordComponent component, Section section, String parent) {
    Setting setting = setting(component);
    String key = SettingPath.kebab(component.getName());
    String path = SettingPath.child(parent, key);
    Type type = component.getGenericType();
    SettingTree given = section.entries().get(key);
    if (isOptional(type)) {
      if (given == null) {
        return Optional.of(Optional.empty());
      }
      Optional<?> value = value(argument(type, 0), given, setting, path);
      return value.isPresent() ? Optional.of(value) : value;
    }
    if (given == null && setting.defaultValue().equals(Setting.REQUIRED)) {
      problems.add(path + ": missing; it has no default. " + setting.value());
      return Optional.empty();
    }
    SettingTree tree =
        given != null ? given : YamlSource.parseValue(setting.defaultValue(), "default", problems);
    return value(type, tree, setting, path);
  }

  private Optional<?> value(Type type, SettingTree tree, Setting setting, String path) {
    if (type instanceof ParameterizedType parameterized) {
      if (parameterized.getRawType() == List.class) {
        return list(argument(type, 0), tree, setting, path);
      }
      if (parameterized.getRawType() == Map.class) {
        return map(argument(type, 1), tree, setting, path);
      }
    } else if (type instanceof Class<?> plain) {
      return plain.isRecord() ? record(plain, tree, path) : single(plain, tree, setting, path);
    }
    throw new IllegalStateException(path + ": settings cannot have the type " + type);
  }

  private Optional<Object> single(Class<?> type, SettingTree tree, Setting setting, String path) {
    ValueType valueType =
        ValueType.of(type)
            .orElseThrow(
                () -> new IllegalStateException(path + ": settings cannot have the type " + type));
    SettingRange range = SettingRange.of(setting);
    if (tree instanceof Text text && !text.absent()) {
      try {
        Object value = valueType.reader().apply(text.text());
        if (range.contains(value)) {
          return Optional.of(value);
        }
      } catch (IllegalArgumentException | ArithmeticException e) {
        // Refused below: what is allowed says more than the parser does.
      }
    }
    refuse(path, tree, "allowed is " + valueType.allowed(range));
    return Optional.empty();
  }

  private Optional<List<Object>> list(
      Type element, SettingTree tree, Setting setting, String path) {
    if (tree instanceof Text text && text.absent()) {
      return Optional.of(List.of());
    }
    if (!(tree instanceof Items items)) {
      refuse(path, tree, "allowed is a list");
      return Optional.empty();
    }
    var values = new ArrayList<Object>();
    for (int i = 0; i < items.items().size(); i++) {
      value(element, items.items().get(i), setting, path + "[" + i + "]").ifPresent(values::add);
    }
    return values.size() == items.items().size() ? Optional.of(values) : Optional.empty();
  }

  private Optional<Map<String, Object>> map(
      Type element, SettingTree tree, Setting setting, String path) {
    if (!(section(tree) instanceof Section section)) {
      refuse(path, tree, "allowed is a section of keys and values");
      return Optional.empty();
    }
    var values = new LinkedHashMap<String, Object>();
    section
        .entries()
        .forEach(
            (key, item) ->
                value(element, item, setting, path + "[" + key + "]")
                    .ifPresent(value -> values.put(key, value)));
    return values.size() == section.entries().size() ? Optional.of(values) : Optional.empty();
  }

  private <T> Optional<T> construct(
      Class<T> type, RecordComponent[] components, Object[] values, Section section, String path) {
    Class<?>[] parameters =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    try {
      var constructor = type.getDeclaredConstructor(parameters);
      constructor.setAccessible(true);
      return Optional.of(constructor.newInstance(values));
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException refusal) {
        problems.add((path.isEmpty() ? "" : path + at(section) + ": ") + refusal.getMessage());
        return Optional.empty();
      }
      throw new IllegalStateException("cannot make a " + type.getName(), e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot make a " + type.getName(), e);
    }
  }

  private void refuse(String path, SettingTree tree, String reason) {
    problems.add(
        (path.isEmpty() ? "the whole file" : path)
            + at(tree)
            + ": "
            + tree.kind()
            + " is not allowed; "
            + reason
            + ".");
  }

  private static String at(SettingTree tree) {
    return " (" + tree.place() + ")";
  }

  static boolean isOptional(Type type) {
    return type instanceof ParameterizedType parameterized
        && parameterized.getRawType() == Optional.class;
  }

  static Type argument(Type type, int index) {
    return ((ParameterizedType) type).getActualTypeArguments()[index];
  }
}
