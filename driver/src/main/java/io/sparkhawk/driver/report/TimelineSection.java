package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.duration;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.progress.RunEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** When what happened to the run, over all its sessions. */
final class TimelineSection {

  private final RunReport report;
  private final TimelineData timeline;

  TimelineSection(RunReport report, TimelineData timeline) {
    this.report = report;
    this.timeline = timeline;
  }

  /** What happened to the run besides its steps. */
  String events() {
    List<RunEvent> events = report.summary().events().stream().filter(RunEvent::isNotable).toList();
    if (events.isEmpty()) {
      return Html.none("No worker failed, and none was slower than the others.");
    }
    return Html.table(
        "%s, %s of training lost"
            .formatted(
                report.summary().restarts() == 1
                    ? "1 restart"
                    : count(report.summary().restarts()) + " restarts",
                Html.unbroken(duration(report.summary().lostSeconds()))),
        List.of("Time", "Work", "Step", "Workers", "What happened"),
        events.stream()
            .map(
                event ->
                    List.of(
                        event.time(),
                        event.work(),
                        event.step() < 0 ? Figures.NONE : count(event.step()),
                        count(event.workers()),
                        event.sentence()))
            .toList());
  }

  /** The timeline's frame, with tables of what it shows. */
  String timeline() {
    if (timeline.spans().isEmpty()) {
      return Html.none("No times were recorded.");
    }
    return Html.widePlot(
            "timeline",
            "Timeline",
            "",
            "When each stage was trained, and what happened meanwhile; times in the tables below")
        + details("When stages were trained", spans())
        + details("Checkpoints", checkpoints());
  }

  private static String details(String summary, String table) {
    return "<details><summary>%s</summary>%s</details>".formatted(Html.escape(summary), table);
  }

  private String spans() {
    List<List<String>> rows = new ArrayList<>();
    for (TimelineData.Span span : timeline.spans()) {
      rows.add(
          List.of(
              span.stage(),
              time(span.from()),
              time(span.to()),
              duration(span.to() - span.from()),
              count(span.step()),
              count(span.workers()),
              span.end()));
    }
    return Html.table(
        "%s of the run%s"
            .formatted(
                sessions() == 1 ? "1 session" : count(sessions()) + " sessions",
                sessions() == 0 ? "; older runs do not know them" : ""),
        List.of("Stage", "From", "To", "Time", "From step", "Workers", "Ended by"),
        rows);
  }

  private long sessions() {
    return marks(RunEvent.Kind.SESSION).size();
  }

  /** Every published checkpoint, those that are no longer kept too. */
  private String checkpoints() {
    List<TimelineData.Mark> checkpoints = marks(RunEvent.Kind.CHECKPOINT);
    if (checkpoints.isEmpty()) {
      return Html.none("None was recorded.");
    }
    return Html.table(
        count(checkpoints.size()) + " published, of which the newest are kept",
        List.of("Time", "Work", "Step", "What"),
        checkpoints.stream()
            .map(mark -> List.of(time(mark.time()), mark.work(), count(mark.step()), mark.text()))
            .toList());
  }

  private List<TimelineData.Mark> marks(RunEvent.Kind kind) {
    String name = kind.name().toLowerCase(Locale.ROOT);
    return timeline.marks().stream().filter(mark -> mark.kind().equals(name)).toList();
  }

  private static String time(double seconds) {
    return Instant.ofEpochSecond(Math.round(seconds)).toString();
  }
}
