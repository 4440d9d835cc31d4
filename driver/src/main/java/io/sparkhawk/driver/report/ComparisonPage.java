package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.driver.progress.RunFiles;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** Makes one page of several runs side by side, which needs no other file and no other host. */
public final class ComparisonPage {

  /** Name of the page unless something else is said. */
  public static final String FILE_NAME = "compare.html";

  private ComparisonPage() {}

  /**
   * Writes the page, replacing an earlier one.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if it cannot be written
   */
  public static void write(FileSystem fileSystem, Path file, List<ComparedRun> runs) {
    RunFiles.write(fileSystem, file, html(runs).getBytes(StandardCharsets.UTF_8));
  }

  /** The page as text. */
  public static String html(List<ComparedRun> runs) {
    ComparisonData data = ComparisonData.of(runs);
    ComparisonTables tables = new ComparisonTables(runs, data);
    return Html.fill(
        ReportPage.resource("compare.html"),
        place ->
            switch (place) {
              case "title" -> Html.escape(runs.size() + " runs side by side");
              case "style" -> ReportPage.style();
              case "script" -> ReportPage.script("compare.js");
              case "data" -> Html.scriptSafe(JsonFormat.line(data));
              case "lede" -> tables.lede();
              case "headline" -> tables.headline();
              case "settings" -> tables.settings();
              case "legend" -> tables.legend(false);
              case "legend-teacher" -> tables.legend(true);
              case "journey" -> tables.journey();
              case "positions" -> tables.positions();
              case "sources" -> tables.sources();
              case "losses" -> tables.losses();
              case "folders" -> tables.folders();
              default -> throw new IllegalStateException("compare.html has no value for " + place);
            });
  }
}
