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
    HeadlineSection headline = new HeadlineSection(report);
    StagesSection stages = new StagesSection(report);
    SpeedSection speed = new SpeedSection(report, data);
    TimelineSection timeline = new TimelineSection(report, data.timeline());
    SideBySideSection sideBySide = new SideBySideSection(report.comparison());
    MadeOfSection madeOf = new MadeOfSection(report);
    return Html.fill(
        resource("report.html"),
        place ->
            switch (place) {
              case "title" -> Html.escape(report.summary().run());
              case "style" -> style();
              case "script" -> script("report.js");
              case "data" -> Html.scriptSafe(JsonFormat.line(data));
              case "lede" -> headline.lede();
              case "headline" -> headline.figures();
              case "stages" -> stages.table();
              case "held-out" -> Html.escape(stages.heldOut());
              case "profile" -> new ProfileSection(report.heldOut(), data.profile()).html();
              case "continuations" -> sideBySide.continuations();
              case "matrices" -> sideBySide.matrices();
              case "stage-charts" -> new TrainingSection(report, data).html();
              case "distances" -> new BlocksSection(data).html();
              case "wall-time" -> Html.escape(speed.wallTime());
              case "time" -> speed.time();
              case "timeline" -> timeline.timeline();
              case "events" -> timeline.events();
              case "data-counts" -> madeOf.dataCounts();
              case "configuration" -> Html.escape(madeOf.configuration());
              default -> throw new IllegalStateException("report.html has no value for " + place);
            });
  }

  /** The style sheet of all pages. */
  static String style() {
    return resource("report.css");
  }

  /** A page's script, with what the charts of all pages share. */
  static String script(String name) {
    return "(() => {\n'use strict';\n" + resource("charts.js") + resource(name) + "})();\n";
  }

  static String resource(String name) {
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
