package io.sparkhawk.driver.config;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.data.setting.Setting;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes the reference of all settings as Markdown, from the same records that the reader fills: it
 * cannot differ from what is read.
 */
public final class ReferencePage {

  /** Settings that are described once, wherever else they may stand. */
  private static final Set<Class<?>> HAS_A_SECTION = Set.of(RunConfig.class, PrepareSettings.class);

  private final StringBuilder page = new StringBuilder();

  private ReferencePage() {}

  /** The whole page, as it is kept in {@code docs/configuration.md}. */
  public static String render() {
    ReferencePage reference = new ReferencePage();
    reference.page.append(
        """
        # Configuration

        One YAML file describes a run: `sparkhawk distill --config run.yaml`. Any setting can be replaced on the
        command line: `--set workers=4`, `--set stages[0].learning-rate=1e-3`, `--set spark[spark.executor.memory]=4g`.
        Unknown keys are refused, and everything that is wrong is reported at once. Relative paths start at the folder
        in which the command is started. A setting without a default must be given.

        This page is printed by `sparkhawk reference`.
        """);
    reference.section("The run", RunConfig.class, "");
    reference.section("Retraining: `sparkhawk retrain`", RetrainConfig.class, "");
    reference.section("Options of `sparkhawk prepare`", PrepareSettings.class, "");
    reference.section("Options of `sparkhawk evaluate`", EvaluateSettings.class, "");
    reference.section("Options of `sparkhawk generate`", GenerateSettings.class, "");
    return reference.page.toString();
  }

  private void section(String title, Class<?> type, String path) {
    page.append("\n## ").append(title).append("\n\n");
    page.append("| setting | allowed | default | what it does |\n|---|---|---|---|\n");
    for (RecordComponent component : type.getRecordComponents()) {
      row(component);
    }
    for (RecordComponent component : type.getRecordComponents()) {
      subsection(component, path);
    }
  }

  private void row(RecordComponent component) {
    Setting setting = SettingBinder.setting(component);
    page.append("| `")
        .append(SettingPath.kebab(component.getName()))
        .append("` | ")
        .append(allowed(component.getGenericType(), setting))
        .append(" | ")
        .append(defaultValue(component, setting))
        .append(" | ")
        .append(setting.value().replace("|", "\\|"))
        .append(" |\n");
  }

  private void subsection(RecordComponent component, String parent) {
    String path = SettingPath.child(parent, SettingPath.kebab(component.getName()));
    if (HAS_A_SECTION.contains(component.getType())) {
      return;
    }
    if (component.getType().isRecord()) {
      section("`" + path + "`", component.getType(), path);
    } else if (component.getType() == List.class
        && SettingBinder.argument(component.getGenericType(), 0) instanceof Class<?> element
        && element.isRecord()) {
      section("`" + path + "`, each element", element, path + "[]");
    }
  }

  private static String defaultValue(RecordComponent component, Setting setting) {
    if (SettingBinder.isOptional(component.getGenericType())) {
      return "see right";
    }
    return switch (setting.defaultValue()) {
      case Setting.REQUIRED -> "must be given";
      case "{}" -> component.getType().isRecord() ? "see below" : "none";
      case "[]" -> "none";
      case "" -> "empty";
      default -> "`" + setting.defaultValue() + "`";
    };
  }

  /** What is allowed for a setting of this type, in words. */
  static String allowed(Type type, Setting setting) {
    if (type instanceof ParameterizedType parameterized) {
      Class<?> raw = (Class<?>) parameterized.getRawType();
      if (raw == List.class) {
        return "a list; each element " + allowed(SettingBinder.argument(type, 0), setting);
      }
      if (raw == Map.class) {
        return "keys and values; each value " + allowed(SettingBinder.argument(type, 1), setting);
      }
      return allowed(SettingBinder.argument(type, 0), setting);
    }
    return ValueType.of((Class<?>) type)
        .map(valueType -> valueType.allowed(SettingRange.of(setting)))
        .orElse("a section");
  }
}
