package io.sparkhawk.driver.config;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A type that a single value of a configuration can have: what is allowed, in words, and how its
 * text is read.
 *
 * @param words what is allowed, to be read after "allowed is"
 * @param unit what follows a number of this type, for example {@code " s"}
 * @param reader text to value; throws {@link IllegalArgumentException} for a text that is not
 *     allowed
 */
record ValueType(String words, String unit, Function<String, Object> reader) {

  /** Digits beyond that cost time and memory, and mean nothing. */
  private static final int LONGEST_NUMBER = 100;

  private static final Pattern WHOLE =
      Pattern.compile("([+-]?[0-9][0-9_]*(?:\\.[0-9]+)?(?:[eE]\\+?[0-9]{1,2})?)([KMB]?)");
  private static final Pattern REAL =
      Pattern.compile("[+-]?(?:[0-9][0-9_]*\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?");
  private static final Pattern DURATION = Pattern.compile("([0-9]{1,12})(ms|s|m|h|d)");

  /** The value type of a Java type; empty if that type is not a single value. */
  static Optional<ValueType> of(Class<?> type) {
    if (type == String.class) {
      return Optional.of(new ValueType("a text", "", text -> text));
    }
    if (type == int.class || type == Integer.class) {
      return Optional.of(new ValueType("a whole number", "", text -> whole(text).intValueExact()));
    }
    if (type == long.class || type == Long.class) {
      return Optional.of(
          new ValueType(
              "a whole number, also as 32K, 80M or 3B", "", text -> whole(text).longValueExact()));
    }
    if (type == double.class || type == Double.class) {
      return Optional.of(new ValueType("a number", "", ValueType::real));
    }
    if (type == boolean.class || type == Boolean.class) {
      return Optional.of(new ValueType("true or false", "", ValueType::truth));
    }
    if (type == Duration.class) {
      return Optional.of(
          new ValueType("a time such as 500ms, 30s, 5m, 2h or 1d", " s", ValueType::duration));
    }
    if (type.isEnum()) {
      return Optional.of(choice(type));
    }
    return Optional.empty();
  }

  /** What is allowed, in words, for a setting with this range. */
  String allowed(SettingRange range) {
    return words + range.words(unit);
  }

  private static BigDecimal whole(String text) {
    Matcher matcher = WHOLE.matcher(text);
    if (text.length() > LONGEST_NUMBER || !matcher.matches()) {
      throw new IllegalArgumentException(text);
    }
    int zeros =
        switch (matcher.group(2)) {
          case "K" -> 3;
          case "M" -> 6;
          case "B" -> 9;
          default -> 0;
        };
    return new BigDecimal(matcher.group(1).replace("_", "")).scaleByPowerOfTen(zeros);
  }

  private static Object real(String text) {
    if (text.length() > LONGEST_NUMBER || !REAL.matcher(text).matches()) {
      throw new IllegalArgumentException(text);
    }
    double value = Double.parseDouble(text.replace("_", ""));
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException(text);
    }
    return value;
  }

  private static Object truth(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException(text);
    };
  }

  private static Object duration(String text) {
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(text);
    }
    long amount = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(amount);
      case "s" -> Duration.ofSeconds(amount);
      case "m" -> Duration.ofMinutes(amount);
      case "h" -> Duration.ofHours(amount);
      default -> Duration.ofDays(amount);
    };
  }

  private static ValueType choice(Class<?> type) {
    Object[] constants = type.getEnumConstants();
    String allowed =
        Arrays.stream(constants).map(ValueType::write).collect(Collectors.joining(", "));
    return new ValueType(
        (constants.length == 1 ? "" : "one of ") + allowed,
        "",
        text ->
            Arrays.stream(constants)
                .filter(constant -> write(constant).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(text)));
  }

  /** How a single value is written in YAML. */
  static String write(Object value) {
    if (value instanceof Enum<?> constant) {
      return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
    if (value instanceof Duration duration) {
      return duration.toMillis() % 1000 == 0
          ? duration.toSeconds() + "s"
          : duration.toMillis() + "ms";
    }
    return String.valueOf(value);
  }
}
