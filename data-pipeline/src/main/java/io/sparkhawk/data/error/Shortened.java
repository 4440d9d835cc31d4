package io.sparkhawk.data.error;

/** Texts from outside as messages may show them: short, on one line, and without odd characters. */
public final class Shortened {

  private static final int MOST = 200;

  private Shortened() {}

  /** The text, cut after 200 characters; what is no printable character becomes a question mark. */
  public static String of(String text) {
    String whole = String.valueOf(text);
    String head = whole.substring(0, Math.min(MOST, whole.length()));
    String shown = head.replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]", "?");
    return whole.length() <= MOST ? shown : shown + "... (" + whole.length() + " characters)";
  }
}
