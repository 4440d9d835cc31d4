package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.driver.progress.RunFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Makes {@code report.html}: one page that needs no other file and no other host. Its text and
 * tables are written here; its charts are drawn by a script in the page from the data that the page
 * carries.
 */
public final class ReportPage {

  /** Name of the report in a run folder. */
  public static final String FILE_NAME = "report.html";

  private ReportPage() {}

  /**
   * Writes the report, replacing an earlier one.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if it cannot be written
   */
  public static void write(FileSystem fileSystem, Path file, RunReport report) {
    RunFiles.write(fileSystem, file, html(report).getBytes(StandardCharsets.UTF_8));
  }

  /** The page as text. */
  public static String html(RunReport report) {
    ReportData data = ReportData.of(report);
    ReportTables tables = new ReportTables(report, data);
    return Html.fill(
        resource("report.html"),
        place ->
            switch (place) {
              case "title" -> Html.escape(report.summary().run());
              case "style" -> style();
              case "script" -> resource("report.js");
              case "data" -> Html.scriptSafe(JsonFormat.line(data));
              case "lede" -> tables.lede();
              case "headline" -> tables.headline();
              case "stages" -> tables.stages();
              case "held-out" -> Html.escape(tables.heldOut());
              case "stage-charts" -> tables.stageCharts();
              case "distances" -> tables.distances();
              case "wall-time" -> Html.escape(tables.wallTime());
              case "time" -> tables.time();
              case "events" -> tables.events();
              case "data-counts" -> tables.dataCounts();
              case "configuration" -> Html.escape(report.configuration().strip());
              default -> throw new IllegalStateException("report.html has no value for " + place);
            });
  }

  /** The style sheet of all pages. */
  static String style() {
    return resource("report.css");
  }

  private static String resource(String name) {
    try (InputStream in = ReportPage.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("resource " + name + " is missing from the driver's jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
