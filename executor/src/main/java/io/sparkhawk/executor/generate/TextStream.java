package io.sparkhawk.executor.generate;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Turns tokens into text as they come. A token may end inside a character: the beginning of a
 * character is held back until the rest has come.
 */
final class TextStream {

  /** What the decoder puts for bytes that are no character, or not yet one. */
  private static final char REPLACEMENT = '\uFFFD';

  /** Tokens without a clean end, after which what there is passes as it is. */
  private static final int LONGEST_WINDOW = 64;

  private final Function<int[], String> decode;
  private final Consumer<String> sink;

  /** The newest tokens; the first ones are context, since some decoders treat a start apart. */
  private final List<Integer> window = new ArrayList<>();

  /** Characters of the window's text that are context or have been passed on. */
  private int passed;

  /**
   * Makes the stream.
   *
   * @param decode ids to text
   * @param before the token before the first one
   * @param sink takes the text
   */
  TextStream(Function<int[], String> decode, int before, Consumer<String> sink) {
    this.decode = decode;
    this.sink = sink;
    startWindow(before);
  }

  private void startWindow(int context) {
    window.clear();
    window.add(context);
    passed = text().length();
  }

  private String text() {
    return decode.apply(window.stream().mapToInt(Integer::intValue).toArray());
  }

  /** Passes on what the token completes. */
  void add(int id) {
    window.add(id);
    String text = text();
    // Only the last character can still change.
    boolean open = !text.isEmpty() && text.charAt(text.length() - 1) == REPLACEMENT;
    boolean hold = open && window.size() < LONGEST_WINDOW;
    pass(text, hold ? text.length() - 1 : text.length());
    if (!hold) {
      startWindow(id);
    }
  }

  /** Passes on what is held back, complete or not. */
  void finish() {
    String text = text();
    pass(text, text.length());
  }

  private void pass(String text, int end) {
    if (end > passed) {
      sink.accept(text.substring(passed, end));
      passed = end;
    }
  }
}
