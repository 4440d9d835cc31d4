package io.sparkhawk.helm;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Fields that Kubernetes does not know: its models keep them apart instead of refusing them. */
final class UnknownFields {

  private static final String UNKNOWN = "additionalProperties";

  private UnknownFields() {}

  /** Adds the paths of those in an object and whatever is inside of it. */
  static void collect(Object value, String path, List<String> unknown) {
    if (value instanceof Collection<?> items) {
      items.forEach(item -> collect(item, path + "[]", unknown));
    } else if (value instanceof Map<?, ?> entries) {
      entries.forEach((key, item) -> collect(item, path + "." + key, unknown));
    } else if (value != null && value.getClass().getName().contains(".api.model.")) {
      for (Class<?> type = value.getClass(); type != Object.class; type = type.getSuperclass()) {
        for (Field field : type.getDeclaredFields()) {
          collectField(value, field, path, unknown);
        }
      }
    }
  }

  private static void collectField(Object owner, Field field, String path, List<String> unknown) {
    if (Modifier.isStatic(field.getModifiers()) || owner instanceof Enum<?>) {
      return;
    }
    try {
      field.setAccessible(true);
      Object value = field.get(owner);
      if (!field.getName().equals(UNKNOWN)) {
        collect(value, path + "." + field.getName(), unknown);
      } else if (value instanceof Map<?, ?> others) {
        others.keySet().forEach(key -> unknown.add(path + "." + key));
      }
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }
}
