package io.sparkhawk.driver.report;

import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Puts text into Markdown so that it stays text. */
final class Markdown {

  private static final Pattern SPECIAL = Pattern.compile("[\\\\`*_{}\\[\\]()<>#+!|~$&:@-]");
  private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cntrl}\\p{Cf}\\u2028\\u2029]+");

  private Markdown() {}

  /**
   * The text on one line, with everything escaped that could be markup, a link or the border of a
   * table's cell.
   */
  static String escape(String text) {
    return SPECIAL.matcher(line(text)).replaceAll("\\\\$0");
  }

  /** The text on one line, without what cannot be printed. */
  static String line(String text) {
    return UNPRINTABLE.matcher(text).replaceAll(" ");
  }

  /**
   * A table.
   *
   * @param header plain text of each column
   * @param rows plain text of each row's cells
   */
  static String table(List<String> header, List<List<String>> rows) {
    String border = header.stream().map(column -> "---").collect(Collectors.joining("|", "|", "|"));
    return row(header)
        + border
        + "\n"
        + rows.stream().map(Markdown::row).collect(Collectors.joining());
  }

  private static String row(List<String> cells) {
    return cells.stream().map(Markdown::escape).collect(Collectors.joining(" | ", "| ", " |\n"));
  }
}
