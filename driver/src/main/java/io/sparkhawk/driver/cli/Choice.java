package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Options whose value is one of a few words. */
final class Choice {

  private Choice() {}

  /**
   * The constant whose name, in lower case, is {@code value}.
   *
   * @throws ConfigurationException that names the option and all its words
   */
  static <E extends Enum<E>> E of(String option, String value, Class<E> type) {
    List<String> words = new ArrayList<>();
    for (E constant : type.getEnumConstants()) {
      String word = constant.name().toLowerCase(Locale.ROOT);
      if (word.equals(value)) {
        return constant;
      }
      words.add(word);
    }
    throw new ConfigurationException(
        option + " is " + value + ", expected one of " + String.join(", ", words));
  }
}
