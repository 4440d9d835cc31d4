package io.sparkhawk.executor.evaluate;

/**
 * Whitespace as Python understands it, whose string methods the lm-evaluation-harness uses: Java's
 * own leave the no-break spaces out.
 */
final class Whitespace {

  private Whitespace() {}

  static String strip(String text) {
    int start = 0;
    int end = lengthWithoutTrailing(text);
    while (start < end && is(text.charAt(start))) {
      start++;
    }
    return text.substring(start, end);
  }

  /** The length of the text before the whitespace at its end. */
  static int lengthWithoutTrailing(String text) {
    int end = text.length();
    while (end > 0 && is(text.charAt(end - 1))) {
      end--;
    }
    return end;
  }

  private static boolean is(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
  }
}
