package io.sparkhawk.testing;

import java.util.ArrayList;
import java.util.List;

/**
 * Where one value stands in the text of a valid JSON document.
 *
 * @param start first character: of the key, where the value has one
 * @param value first character of the value itself
 * @param end one after the last character
 */
record JsonSpan(int start, int value, int end) {

  /** Spans of all values, the whole document's last; empty if it is not valid JSON. */
  static List<JsonSpan> of(String document) {
    Scanner scanner = new Scanner(document);
    try {
      scanner.value(0);
      return scanner.spans;
    } catch (IndexOutOfBoundsException | StackOverflowError e) {
      return List.of(); // It was damaged by an earlier edit.
    }
  }

  /** A recursive scan that trusts the document. */
  private static final class Scanner {

    private final String text;
    private final List<JsonSpan> spans = new ArrayList<>();
    private int at;

    Scanner(String text) {
      this.text = text;
    }

    void value(int start) {
      space();
      int from = start < at && start > 0 ? start : at;
      int value = at;
      switch (text.charAt(at)) {
        case '{', '[' -> container(text.charAt(at) == '{');
        case '"' -> string();
        default -> {
          int begin = at;
          while (at < text.length() && isScalar(text.charAt(at))) {
            at++;
          }
          if (at == begin) {
            throw new IndexOutOfBoundsException(at);
          }
        }
      }
      spans.add(new JsonSpan(from, value, at));
    }

    private static boolean isScalar(char character) {
      return Character.isLetterOrDigit(character) || "+-.".indexOf(character) >= 0;
    }

    private void container(boolean object) {
      at++;
      space();
      while (text.charAt(at) != (object ? '}' : ']')) {
        int key = at;
        if (object) {
          string();
          space();
          at++; // the colon
        }
        value(object ? key : 0);
        space();
        if (text.charAt(at) == ',') {
          at++;
          space();
        }
      }
      at++;
    }

    private void string() {
      at++;
      while (text.charAt(at) != '"') {
        at += text.charAt(at) == '\\' ? 2 : 1;
      }
      at++;
    }

    private void space() {
      while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
        at++;
      }
    }
  }
}
