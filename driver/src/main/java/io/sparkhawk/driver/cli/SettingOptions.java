package io.sparkhawk.driver.cli;

import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.SettingDescription;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Gives a command one option for each setting of a record: {@code --seq-len} for {@code seqLen}.
 * Texts, defaults and checks are those of the record; a list setting's option takes several values
 * and may be repeated.
 */
final class SettingOptions {

  private SettingOptions() {}

  static void addTo(CommandSpec command, Class<? extends Record> settings) {
    SettingDescription.of(settings).forEach(setting -> command.addOption(option(setting)));
  }

  /** Hands the options that were given to the reader; they replace what is in it. */
  static ConfigReader given(
      CommandSpec command, Class<? extends Record> settings, ConfigReader reader) {
    for (SettingDescription setting : SettingDescription.of(settings)) {
      String option = name(setting);
      Object value = command.findOption(option).getValue();
      if (value instanceof List<?> values) {
        reader.put(setting.name(), values.stream().map(String.class::cast).toList(), option);
      } else if (value != null) {
        reader.put(setting.name(), (String) value, option);
      }
    }
    return reader;
  }

  private static OptionSpec option(SettingDescription setting) {
    OptionSpec.Builder option =
        OptionSpec.builder(name(setting))
            .paramLabel(label(setting))
            .description(literal(description(setting)));
    return setting.list()
        ? option.type(List.class).auxiliaryTypes(String.class).arity("1..*").build()
        : option.type(String.class).build();
  }

  private static String name(SettingDescription setting) {
    return "--" + setting.name();
  }

  /** The last word of the name: {@code LEN} for {@code seq-len}. */
  private static String label(SettingDescription setting) {
    String name = setting.name();
    return name.substring(name.lastIndexOf('-') + 1).toUpperCase(Locale.ROOT);
  }

  private static String description(SettingDescription setting) {
    StringBuilder text = new StringBuilder(setting.meaning());
    if (setting.list()) {
      text.append(" Takes several and may be repeated.");
    } else if (!setting.anyText()) {
      text.append(" Allowed: ").append(setting.allowed()).append('.');
    }
    if (setting.required()) {
      text.append(" Must be given.");
    }
    setting.defaultValue().ifPresent(value -> text.append(" Default: ").append(value).append('.'));
    return text.toString();
  }

  /** picocli formats descriptions; nothing in a setting's text is meant for it. */
  private static String literal(String text) {
    return text.replace("%", "%%").replace("@|", "@ |");
  }
}
