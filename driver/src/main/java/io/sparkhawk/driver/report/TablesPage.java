package io.sparkhawk.driver.report;

import java.util.List;

/** A page of tables in the report's style, which needs no other file and no other host. */
public final class TablesPage {

  private final StringBuilder body = new StringBuilder();

  /**
   * Starts a page.
   *
   * @param kind what it is, above the title
   * @param lede what it comes to, in a sentence
   */
  public TablesPage(String kind, String title, String lede) {
    body.append(
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
        <link rel="icon" href="data:,">
        <title>%2$s · %1$s</title>
        <style>
        %4$s
        </style>
        </head>
        <body>
        <main>
        <header>
        <p class="eyebrow">%1$s</p>
        <h1>%2$s</h1>
        <p class="lede">%3$s</p>
        </header>
        """
            .formatted(
                Html.escape(kind), Html.escape(title), Html.escape(lede), ReportPage.style()));
  }

  /**
   * Adds a section with one table, whose first column names the row.
   *
   * @param header plain text of each column
   * @param rows plain text of each row's cells
   */
  public TablesPage section(
      String title, String caption, List<String> header, List<List<String>> rows) {
    body.append("<section>\n<h2>").append(Html.escape(title)).append("</h2>\n");
    body.append(Html.table(caption, header, rows)).append("\n</section>\n");
    return this;
  }

  /** The whole page. */
  public String html() {
    return body + "</main>\n</body>\n</html>\n";
  }
}
