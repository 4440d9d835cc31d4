package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.measure;

import io.sparkhawk.driver.progress.Figures;
import java.util.ArrayList;
import java.util.List;

/** How far each block is from its teacher, before the first stage and after each. */
final class BlocksSection {

  private final ReportData data;

  BlocksSection(ReportData data) {
    this.data = data;
  }

  /** For each kind of distance its frame and a table. */
  String html() {
    StringBuilder html = new StringBuilder();
    for (int i = 0; i < data.distances().size(); i++) {
      ReportData.Distances distances = data.distances().get(i);
      html.append("<article><h3>%s</h3>".formatted(Html.escape(distances.title())));
      if (distances.states().stream().allMatch(state -> state.values().isEmpty())) {
        html.append(Html.none("Not measured.") + "</article>\n");
        continue;
      }
      html.append("<p class=\"unit\">%s</p>".formatted(Html.escape(distances.unit())))
          .append(
              """
              <div class="panel"><p class="axis long"><output></output></p>\
              <div class="plot" data-plot="distances" data-index="%d" role="img" aria-label="%s">\
              </div></div>
              """
                  .formatted(
                      i,
                      Html.escape(
                          distances.title()
                              + ": distance of each block, numbers in the table below")))
          .append(Html.details(distanceTable(distances)))
          .append("</article>\n");
    }
    return html.toString();
  }

  private static String distanceTable(ReportData.Distances distances) {
    List<String> header = new ArrayList<>(List.of("Block"));
    distances.states().forEach(state -> header.add(state.label()));
    int blocks =
        distances.states().stream().mapToInt(state -> state.values().size()).max().orElse(0);
    List<List<String>> rows = new ArrayList<>();
    for (int block = 0; block < blocks; block++) {
      List<String> row = new ArrayList<>(List.of(Integer.toString(block)));
      for (ReportData.State state : distances.states()) {
        row.add(block < state.values().size() ? measure(state.values().get(block)) : Figures.NONE);
      }
      rows.add(row);
    }
    return Html.table(
        distances.title() + " (" + Figures.NONE + ": the block keeps its attention)", header, rows);
  }
}
