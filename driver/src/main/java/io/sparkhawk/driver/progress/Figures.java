package io.sparkhawk.driver.progress;

import java.util.Locale;

/**
 * Writes numbers as a reader of the console or the report wants them: aligned, short, with units.
 */
public final class Figures {

  /** What is written for a number that is not there or not finite. */
  public static final String NONE = "n/a";

  private static final String[] SUFFIXES = {"", "K", "M", "B", "T"};

  private Figures() {}

  /** All digits in groups of three: {@code 63,000}. */
  public static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  /** Three significant digits with a suffix of powers of 1000: {@code 543K}, {@code 2.76B}. */
  public static String shortCount(double number) {
    if (!Double.isFinite(number)) {
      return NONE;
    }
    double rest = number;
    int power = 0;
    while (Math.abs(rest) >= 999.5 && power < SUFFIXES.length - 1) {
      rest /= 1000;
      power++;
    }
    if (power == 0) {
      return String.format(Locale.ROOT, "%,.0f", number);
    }
    return String.format(Locale.ROOT, "%,." + decimals(Math.max(1, rest), 3) + "f", rest)
        + SUFFIXES[power];
  }

  /**
   * Four significant digits, for losses, distances and perplexities: {@code 22.60}, {@code 1,386}.
   */
  public static String measure(double number) {
    if (!Double.isFinite(number)) {
      return NONE;
    }
    if (number != 0 && Math.abs(number) < 0.001) {
      return scientific(number);
    }
    return String.format(Locale.ROOT, "%,." + decimals(number, 4) + "f", number);
  }

  /** Three significant digits and a power of ten: {@code 3.00e-3}. */
  public static String scientific(double number) {
    if (!Double.isFinite(number)) {
      return NONE;
    }
    return String.format(Locale.ROOT, "%.2e", number).replaceFirst("e\\+?(-?)0*(?=\\d)", "e$1");
  }

  /** A time in words: {@code 0.8 s}, {@code 42 s}, {@code 8 min 05 s}, {@code 2 h 05 min}. */
  public static String duration(double seconds) {
    if (!Double.isFinite(seconds)) {
      return NONE;
    }
    if (seconds < 9.95) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    }
    long whole = Math.round(seconds);
    if (whole < 60) {
      return whole + " s";
    }
    if (whole < 3600) {
      return String.format(Locale.ROOT, "%d min %02d s", whole / 60, whole % 60);
    }
    long minutes = Math.round(seconds / 60);
    if (minutes < 48 * 60) {
      return String.format(Locale.ROOT, "%d h %02d min", minutes / 60, minutes % 60);
    }
    long hours = Math.round(seconds / 3600);
    return String.format(Locale.ROOT, "%d d %d h", hours / 24, hours % 24);
  }

  /** A time as a clock shows it: {@code 0:42}, {@code 1:02:03}. */
  public static String clock(double seconds) {
    if (!Double.isFinite(seconds)) {
      return NONE;
    }
    long whole = (long) Math.ceil(seconds);
    return whole < 3600
        ? String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }

  /** Decimals that make {@code significant} digits of the number, at most {@code significant}. */
  private static int decimals(double number, int significant) {
    double magnitude = Math.abs(number);
    int decimals = significant - 1;
    for (double limit = 10; magnitude >= limit && decimals > 0; limit *= 10) {
      decimals--;
    }
    return magnitude != 0 && magnitude < 1 ? significant : decimals;
  }
}
