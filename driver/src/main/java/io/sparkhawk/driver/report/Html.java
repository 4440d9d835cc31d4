package io.sparkhawk.driver.report;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Puts text into HTML so that it stays text. */
final class Html {

  private static final Pattern PLACE = Pattern.compile("\\{\\{([a-z-]+)}}");

  private Html() {}

  /** The text with everything escaped that means something between tags or in quotes. */
  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }

  /** JSON that can stand inside a script element: nothing in it can end the element. */
  static String scriptSafe(String json) {
    return json.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029");
  }

  /**
   * Fills each <code>{{name}}</code> of a template. What is filled in is not looked at again, so a
   * value cannot name another place.
   */
  static String fill(String template, UnaryOperator<String> values) {
    return PLACE
        .matcher(template)
        .replaceAll(place -> Matcher.quoteReplacement(values.apply(place.group(1))));
  }

  /** A sentence in place of what is not there. */
  static String none(String sentence) {
    return "<p class=\"none\">" + escape(sentence) + "</p>";
  }

  /** A table that a reader opens. */
  static String details(String table) {
    return "<details><summary>Table</summary>" + table + "</details>";
  }

  /** Text that is not broken over lines. */
  static String unbroken(String text) {
    return text.replace(' ', '\u00a0');
  }

  /** The place of a chart that the script draws, with a read-out above it. */
  static String plot(String kind, String title, String unit, String attributes, String label) {
    return """
        <div class="panel"><p class="axis"><span>%s<i>%s</i></span><output></output></p>\
        <div class="plot" data-plot="%s"%s role="img" aria-label="%s"></div></div>
        """
        .formatted(escape(title), escape(unit), kind, attributes, escape(label));
  }

  /** The same, with a read-out that may take several lines. */
  static String widePlot(String kind, String title, String attributes, String label) {
    return """
        <div class="panel"><p class="axis tall"><span>%s</span><output></output></p>\
        <div class="plot" data-plot="%s"%s role="img" aria-label="%s"></div></div>
        """
        .formatted(escape(title), kind, attributes, escape(label));
  }

  /**
   * A table. The first column names the row; the others are numbers.
   *
   * @param caption plain text
   * @param header plain text of each column
   * @param rows plain text of each row's cells
   */
  static String table(String caption, List<String> header, List<List<String>> rows) {
    StringBuilder html = new StringBuilder("<div class=\"scroll\"><table>");
    html.append("<caption>").append(escape(caption)).append("</caption><thead><tr>");
    header.forEach(cell -> html.append("<th scope=\"col\">").append(escape(cell)).append("</th>"));
    html.append("</tr></thead><tbody>\n");
    for (List<String> row : rows) {
      html.append("<tr><th scope=\"row\">").append(escape(row.get(0))).append("</th>");
      row.stream()
          .skip(1)
          .forEach(cell -> html.append("<td>").append(escape(cell)).append("</td>"));
      html.append("</tr>\n");
    }
    return html.append("</tbody></table></div>").toString();
  }
}
