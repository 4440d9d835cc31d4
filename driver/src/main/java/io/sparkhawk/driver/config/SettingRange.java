package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import java.math.BigDecimal;
import java.time.Duration;

/** The smallest and largest allowed number of a setting, both inclusive; seconds for a time. */
record SettingRange(double min, double max) {

  static SettingRange of(Setting setting) {
    return new SettingRange(setting.min(), setting.max());
  }

  boolean contains(Object value) {
    if (value instanceof Number number) {
      return min <= number.doubleValue() && number.doubleValue() <= max;
    }
    if (value instanceof Duration duration) {
      double seconds = duration.toMillis() / 1000.0;
      return min <= seconds && seconds <= max;
    }
    return true;
  }

  /**
   * The range in words, to be read after the type; empty if there is none.
   *
   * @param unit what follows a number, for example {@code " s"}
   */
  String words(String unit) {
    if (Double.isInfinite(min) && Double.isInfinite(max)) {
      return "";
    }
    if (Double.isInfinite(max)) {
      return ", at least " + plain(min) + unit;
    }
    if (Double.isInfinite(min)) {
      return ", at most " + plain(max) + unit;
    }
    return ", from " + plain(min) + " to " + plain(max) + unit;
  }

  private static String plain(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }
}
