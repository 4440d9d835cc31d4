package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.duration;
import static io.sparkhawk.driver.progress.Figures.measure;
import static io.sparkhawk.driver.progress.Figures.shortCount;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.progress.RunSummary;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** The parts of a comparison that are text; they say everything that its charts show. */
final class ComparisonTables {

  /** The name of the run differs always, and stands in the head of the table. */
  private static final String NAME = "run";

  private static final String STAGES = "stages.";

  private final List<ComparedRun> runs;
  private final ComparisonData data;

  ComparisonTables(List<ComparedRun> runs, ComparisonData data) {
    this.runs = runs;
    this.data = data;
  }

  /** Which run came closest to its teacher. */
  String lede() {
    StringBuilder text = new StringBuilder();
    IntStream.range(0, runs.size())
        .filter(i -> Double.isFinite(ratio(runs.get(i).summary())))
        .boxed()
        .min((a, b) -> Double.compare(ratio(runs.get(a).summary()), ratio(runs.get(b).summary())))
        .ifPresentOrElse(
            best ->
                text.append("Of these runs ")
                    .append(data.runs().get(best))
                    .append(" came closest to its teacher: a perplexity of ")
                    .append(measure(runs.get(best).summary().studentPerplexity()))
                    .append(", ")
                    .append(HeadlineSection.ratio(runs.get(best).summary()))
                    .append(" the teacher’s."),
            () -> text.append("None of these runs has a finished student yet."));
    if (!ComparisonData.sameTeachers(runs)) {
      text.append(
          " They were not measured with the same teacher on the same held-out text: compare the"
              + " ratios rather than the perplexities.");
    }
    return Html.escape(text.toString());
  }

  private static double ratio(RunSummary summary) {
    return summary.studentPerplexity() / summary.teacherPerplexity();
  }

  /** The colours of the runs. */
  String legend(boolean teacher) {
    StringBuilder html = new StringBuilder("<p class=\"legend\">");
    if (teacher) {
      html.append("<span class=\"teacher\">teacher</span>");
    }
    for (int i = 0; i < runs.size(); i++) {
      html.append("<span class=\"run-%d\">%s</span>".formatted(i % 10, Html.escape(label(i))));
    }
    return html.append("</p>").toString();
  }

  private String label(int run) {
    return data.runs().get(run);
  }

  String headline() {
    List<List<String>> rows = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      ComparedRun run = runs.get(i);
      RunSummary summary = run.summary();
      rows.add(
          List.of(
              label(i),
              measure(summary.studentPerplexity()),
              measure(summary.teacherPerplexity()),
              HeadlineSection.ratio(summary),
              count(summary.perplexityTokens()),
              shortCount((double) run.trained().tokens()),
              run.ended() ? duration(summary.wallSeconds()) : "not ended",
              Double.isFinite(run.trained().perSecond())
                  ? count(Math.round(run.trained().perSecond()))
                  : Figures.NONE,
              count(summary.workers()),
              count(summary.restarts())));
    }
    return Html.table(
        "Perplexities on held-out text; the time is that of the session that ended the run",
        List.of(
            "Run",
            "Student",
            "Teacher",
            "Student / teacher",
            "Held-out tokens",
            "Training tokens",
            "Time",
            "Tokens/s",
            "Workers",
            "Restarts"),
        rows);
  }

  /** The settings that are not the same in all runs; a stage that a run lacks by its tokens. */
  String settings() {
    Set<String> keys = new TreeSet<>();
    runs.forEach(run -> keys.addAll(run.settings().keySet()));
    keys.removeIf(this::isDetailOfAStageThatARunLacks);
    List<List<String>> rows = new ArrayList<>();
    for (String key : keys) {
      List<String> row = new ArrayList<>(List.of(key));
      Set<String> values = new LinkedHashSet<>();
      for (ComparedRun run : runs) {
        boolean known = !run.settings().isEmpty();
        String value = known ? run.settings().getOrDefault(key, "not set") : "not known yet";
        row.add(value);
        if (known) {
          values.add(value);
        }
      }
      if (values.size() > 1 && !key.equals(NAME)) {
        rows.add(row);
      }
    }
    return rows.isEmpty()
        ? Html.none("No setting differs between the runs whose settings are known.")
        : Html.table("Settings that differ", header("Setting"), rows);
  }

  private boolean isDetailOfAStageThatARunLacks(String key) {
    int end = key.lastIndexOf('.');
    return key.startsWith(STAGES)
        && !key.endsWith(".tokens")
        && runs.stream()
            .map(ComparedRun::settings)
            .anyMatch(
                settings ->
                    !settings.isEmpty() && !settings.containsKey(key.substring(0, end) + ".name"));
  }

  private List<String> header(String first) {
    List<String> header = new ArrayList<>(List.of(first));
    header.addAll(data.runs());
    return header;
  }

  /** Perplexities on the way, a row for each station. */
  String journey() {
    ComparisonData.Journey journey = data.journey();
    if (journey.stations().isEmpty()) {
      return Html.none("No perplexity was measured.");
    }
    List<List<String>> rows = new ArrayList<>();
    for (int station = 0; station < journey.stations().size(); station++) {
      List<String> row = new ArrayList<>(List.of(journey.stations().get(station)));
      for (ComparisonData.Line line : journey.lines()) {
        int place = line.x().indexOf((double) station);
        row.add(place < 0 ? Figures.NONE : measure(line.y().get(place)));
      }
      rows.add(row);
    }
    List<String> teachers = new ArrayList<>(List.of("teacher"));
    runs.forEach(run -> teachers.add(measure(run.summary().teacherPerplexity())));
    rows.add(teachers);
    return Html.widePlot(
            "journey", "Perplexity", "", "Perplexities of all runs; numbers in the table below")
        + Html.table("Perplexity on held-out text", header("Student"), rows);
  }

  /** For each stage the frame of its curves, with first and last values. */
  String losses() {
    if (data.stages().isEmpty()) {
      return Html.none("No training steps were recorded.");
    }
    StringBuilder html = new StringBuilder();
    for (int i = 0; i < data.stages().size(); i++) {
      ComparisonData.Stage stage = data.stages().get(i);
      StageText text = StageText.of(stage.name());
      html.append("<article><h3>%s</h3>".formatted(Html.escape(text.title())))
          .append("<p class=\"unit\">%s</p>".formatted(Html.escape(text.loss())))
          .append(
              Html.widePlot(
                  "loss",
                  "Loss",
                  " data-stage=\"%d\"".formatted(i),
                  "Loss of all runs in " + text.title() + "; numbers in the table below"))
          .append(Html.details(losses(stage)))
          .append("</article>\n");
    }
    return html.toString();
  }

  private static String losses(ComparisonData.Stage stage) {
    return Html.table(
        "Mean loss at the stage's beginning, middle and newest step",
        List.of("Run", "First", "Middle", "Last", "Tokens"),
        stage.lines().stream()
            .map(
                line ->
                    List.of(
                        line.label(),
                        measure(line.y().get(0)),
                        measure(line.y().get(line.y().size() / 2)),
                        measure(line.y().get(line.y().size() - 1)),
                        shortCount(line.x().get(line.x().size() - 1))))
            .toList());
  }

  /** Perplexities by position: the frame, and a table of the same numbers. */
  String positions() {
    if (data.positions().isEmpty()) {
      return Html.none("None of these runs measured it.");
    }
    Set<Double> places = new TreeSet<>();
    data.positions().forEach(line -> places.addAll(line.x()));
    List<String> header = new ArrayList<>(List.of("Around position"));
    data.positions().forEach(line -> header.add(line.label()));
    List<List<String>> rows = new ArrayList<>();
    for (double place : places) {
      List<String> row = new ArrayList<>(List.of(String.format(Locale.ROOT, "%.0f", place)));
      for (ComparisonData.Line line : data.positions()) {
        int index = line.x().indexOf(place);
        row.add(index < 0 ? Figures.NONE : measure(line.y().get(index)));
      }
      rows.add(row);
    }
    return Html.widePlot(
            "positions",
            "Perplexity",
            "",
            "Perplexity by position of all runs; numbers in the table below")
        + Html.details(Html.table("Perplexity by position in the sequence", header, rows));
  }

  /** Perplexities by source: bars, and a table of the same numbers. */
  String sources() {
    if (data.sources().isEmpty()) {
      return Html.none("None of these runs knows the sources of its held-out text.");
    }
    Set<String> models = new LinkedHashSet<>();
    data.sources().forEach(source -> source.bars().forEach(bar -> models.add(bar.label())));
    List<String> header = new ArrayList<>(List.of("Source"));
    header.addAll(models);
    List<List<String>> rows = new ArrayList<>();
    for (ComparisonData.Source source : data.sources()) {
      List<String> row = new ArrayList<>(List.of(source.name()));
      for (String model : models) {
        row.add(
            source.bars().stream()
                .filter(bar -> bar.label().equals(model))
                .map(bar -> measure(bar.perplexity()))
                .findFirst()
                .orElse(Figures.NONE));
      }
      rows.add(row);
    }
    return "<div class=\"panel\"><div class=\"plot\" data-plot=\"sources\" role=\"img\""
        + " aria-label=\"Perplexity by source of all runs; numbers in the table below\"></div></div>"
        + Html.table("Perplexity by source of the text", header, rows);
  }

  /** Where the runs lie. */
  String folders() {
    return Html.table(
        "Folders",
        List.of("Run", "Folder"),
        IntStream.range(0, runs.size())
            .mapToObj(i -> List.of(label(i), runs.get(i).folder()))
            .toList());
  }
}
