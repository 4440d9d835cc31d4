package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A setting of a record, for a page or a help text.
 *
 * @param name as it is written in YAML
 * @param meaning what it does
 * @param allowed what is allowed, in words
 * @param anyText whether every text is allowed
 * @param required whether it must be given
 * @param list whether it takes several values
 * @param defaultValue as it would be written in YAML; empty if there is none
 */
public record SettingDescription(
    String name,
    String meaning,
    String allowed,
    boolean anyText,
    boolean required,
    boolean list,
    Optional<String> defaultValue) {

  /** The settings of a record, in its order. */
  public static List<SettingDescription> of(Class<? extends Record> settings) {
    return Arrays.stream(settings.getRecordComponents()).map(SettingDescription::of).toList();
  }

  static SettingDescription of(RecordComponent component) {
    Setting setting = SettingBinder.setting(component);
    boolean optional = SettingBinder.isOptional(component.getGenericType());
    boolean hasDefault = !setting.defaultValue().equals(Setting.REQUIRED);
    return new SettingDescription(
        SettingPath.kebab(component.getName()),
        setting.value(),
        ReferencePage.allowed(component.getGenericType(), setting),
        component.getType() == String.class,
        !hasDefault && !optional,
        component.getType() == List.class,
        Optional.of(setting.defaultValue())
            .filter(value -> hasDefault && !List.of("", "[]", "{}").contains(value)));
  }
}
