package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;

import java.util.Map;

/** What the run was made of: its data and its configuration. */
final class MadeOfSection {

  private final RunReport report;

  MadeOfSection(RunReport report) {
    this.report = report;
  }

  String dataCounts() {
    if (report.dataCounts().isEmpty()) {
      return Html.none("Not known: the data set is not where the run had it.");
    }
    StringBuilder html = new StringBuilder("<dl class=\"counts\">");
    for (Map.Entry<String, Long> entry : report.dataCounts().entrySet()) {
      html.append(
          "<div><dt>%s</dt><dd>%s</dd></div>"
              .formatted(Html.escape(entry.getKey()), count(entry.getValue())));
    }
    return html.append("</dl>").toString();
  }

  /** The settings as they are in the run folder. */
  String configuration() {
    return report.configuration().isBlank()
        ? "# kept in the run folder when its first stage has ended"
        : report.configuration().strip();
  }
}
