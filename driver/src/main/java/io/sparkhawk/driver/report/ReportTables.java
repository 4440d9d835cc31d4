package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.duration;
import static io.sparkhawk.driver.progress.Figures.measure;
import static io.sparkhawk.driver.progress.Figures.scientific;
import static io.sparkhawk.driver.progress.Figures.shortCount;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The parts of the page that are text: headline, tables and the frames of the charts. They say
 * everything that the charts show, for readers without scripts or sight.
 */
final class ReportTables {

  private static final int CURVE_ROWS = 12;

  private final RunReport report;
  private final ReportData data;

  ReportTables(RunReport report, ReportData data) {
    this.report = report;
    this.data = data;
  }

  /** What came out, in a sentence or two. */
  String lede() {
    RunSummary summary = report.summary();
    StringBuilder text = new StringBuilder();
    text.append("A Mamba-2 student, distilled from a Transformer on ")
        .append(shortCount((double) summary.tokens()))
        .append(" tokens by ")
        .append(workers(summary))
        .append(" in ")
        .append(unbroken(duration(summary.wallSeconds())))
        .append(". ");
    if (Double.isFinite(summary.studentPerplexity())) {
      text.append("On held-out text its perplexity is ")
          .append(measure(summary.studentPerplexity()))
          .append("; the teacher’s is ")
          .append(measure(summary.teacherPerplexity()))
          .append(".");
    } else {
      text.append("The finished student has not been evaluated.");
    }
    return Html.escape(text.toString());
  }

  String headline() {
    RunSummary summary = report.summary();
    String heldOut = "perplexity, " + count(summary.perplexityTokens()) + " held-out tokens";
    return figure("Teacher", measure(summary.teacherPerplexity()), heldOut, "teacher")
        + figure("Student", measure(summary.studentPerplexity()), heldOut, "student")
        + figure("Student / teacher", ratio(summary), "1.00 × is lossless", "")
        + figure(
            "Training tokens",
            shortCount((double) summary.tokens()),
            "sequences of " + count(summary.seqLen()),
            "")
        + figure("Wall time", duration(summary.wallSeconds()), "start-up to export", "")
        + figure(
            "Throughput",
            Double.isFinite(summary.tokensPerSecond())
                ? count(Math.round(summary.tokensPerSecond()))
                : Figures.NONE,
            "tokens/s, " + workers(summary),
            "");
  }

  private static String workers(RunSummary summary) {
    return summary.workers() == 1 ? "1 worker" : count(summary.workers()) + " workers";
  }

  private static String ratio(RunSummary summary) {
    double ratio = summary.studentPerplexity() / summary.teacherPerplexity();
    return Double.isFinite(ratio) ? String.format(Locale.ROOT, "%.2f ×", ratio) : Figures.NONE;
  }

  private static String figure(String label, String value, String note, String kind) {
    return "<div class=\"figure %s\"><dt>%s</dt><dd><b>%s</b><small>%s</small></dd></div>\n"
        .formatted(kind, Html.escape(label), Html.escape(value), Html.escape(note));
  }

  /** One row per finished stage. */
  String stages() {
    if (report.stages().isEmpty()) {
      return "<p class=\"none\">No stage has finished.</p>";
    }
    List<List<String>> rows = new ArrayList<>();
    for (StageResult stage : report.stages()) {
      StageText text = StageText.of(stage.stage());
      rows.add(
          List.of(
              text.title(),
              count(stage.tokens()),
              measure(stage.firstLoss()),
              measure(stage.lastLoss()),
              measure(stage.before().perplexity()),
              measure(stage.after().perplexity()),
              duration(stage.seconds()),
              count(Math.round(stage.tokens() / stage.seconds()))));
    }
    return Html.table(
        "What each stage did",
        List.of(
            "Stage",
            "Tokens",
            "First loss",
            "Last loss",
            "Perplexity before",
            "Perplexity after",
            "Time",
            "Tokens/s"),
        rows);
  }

  /** Which tokens the perplexities were measured on. */
  String heldOut() {
    List<Long> between =
        report.stages().stream().map(stage -> stage.after().tokens()).distinct().toList();
    String all = count(report.summary().perplexityTokens());
    if (between.isEmpty() || between.equals(List.of(report.summary().perplexityTokens()))) {
      return "Every perplexity is measured on the same " + all + " held-out tokens.";
    }
    return "Between stages the first "
        + count(between.get(0))
        + " held-out tokens are used; for the teacher and the finished student all "
        + all
        + ".";
  }

  /** For each stage the frames of its charts, with a table of its curves. */
  String stageCharts() {
    StringBuilder html = new StringBuilder();
    for (int i = 0; i < data.stages().size(); i++) {
      html.append(stageCharts(i, data.stages().get(i)));
    }
    return html.isEmpty()
        ? "<p class=\"none\">No training steps were recorded.</p>"
        : html.toString();
  }

  private String stageCharts(int index, ReportData.Stage stage) {
    StageText text = StageText.of(stage.name());
    String heading =
        "<article class=\"stage %s\"><h3>%s</h3>".formatted(text.name(), Html.escape(text.title()));
    if (stage.steps() == 0) {
      return heading + "<p class=\"none\">No steps were recorded.</p></article>\n";
    }
    return heading
        + "<p class=\"unit\">%s steps%s%s%s</p>"
            .formatted(
                count(stage.steps()),
                outcome(stage.name()),
                notFinite(stage.notFinite()),
                skipped(stage.name()))
        + plot("loss", index, "Loss", text.loss(), text.title())
        + plot("gradient-norm", index, "Gradient norm", "before clipping", text.title())
        + plot("learning-rate", index, "Learning rate", "", text.title())
        + details(curves(stage))
        + "</article>\n";
  }

  private String outcome(StageKind stage) {
    return report.stages().stream()
        .filter(result -> result.stage() == stage)
        .map(result -> ", loss " + measure(result.firstLoss()) + " → " + measure(result.lastLoss()))
        .findFirst()
        .orElse(", not finished");
  }

  private static String notFinite(long steps) {
    if (steps == 0) {
      return "";
    }
    return "; <strong>%s with a loss that is not finite</strong>".formatted(count(steps));
  }

  private String skipped(StageKind stage) {
    long skipped =
        report.stages().stream()
            .filter(result -> result.stage() == stage)
            .mapToLong(StageResult::skippedSteps)
            .sum();
    return skipped == 0
        ? ""
        : "; <strong>%s left out, as loss or gradient were not finite</strong>"
            .formatted(count(skipped));
  }

  private static String plot(String kind, int stage, String title, String unit, String of) {
    return """
        <div class="panel"><p class="axis"><span>%s<i>%s</i></span><output></output></p>\
        <div class="plot" data-plot="%s" data-stage="%d" role="img" aria-label="%s"></div></div>
        """
        .formatted(
            Html.escape(title),
            Html.escape(unit),
            kind,
            stage,
            Html.escape(title + " over the steps of " + of + "; numbers in the table below"));
  }

  private String curves(ReportData.Stage stage) {
    List<StepMetrics> steps =
        report.steps().stream().filter(step -> step.stage() == stage.name()).toList();
    int last = steps.size() - 1;
    int rows = Math.min(CURVE_ROWS, steps.size());
    List<List<String>> cells =
        IntStream.range(0, rows)
            .map(row -> rows == 1 ? last : (int) ((long) row * last / (rows - 1)))
            .mapToObj(steps::get)
            .map(
                step ->
                    List.of(
                        count(step.step()),
                        shortCount((double) step.tokens()),
                        measure(step.loss()),
                        measure(step.gradientNorm()),
                        scientific(step.learningRate())))
            .toList();
    return Html.table(
        "Some of the steps",
        List.of("Step", "Tokens", "Loss", "Gradient norm", "Learning rate"),
        cells);
  }

  /** For each kind of distance its frame and a table. */
  String distances() {
    StringBuilder html = new StringBuilder();
    for (int i = 0; i < data.distances().size(); i++) {
      ReportData.Distances distances = data.distances().get(i);
      html.append("<article><h3>%s</h3>".formatted(Html.escape(distances.title())));
      if (distances.states().stream().allMatch(state -> state.values().isEmpty())) {
        html.append("<p class=\"none\">Not measured.</p></article>\n");
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
          .append(details(distanceTable(distances)))
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

  /** Where the training time went. */
  String time() {
    if (data.time().isEmpty()) {
      return "<p class=\"none\">No training steps were recorded.</p>";
    }
    List<List<String>> rows =
        data.time().stream()
            .map(
                time ->
                    List.of(
                        StageText.of(time.stage()).title(),
                        duration(time.compute()),
                        duration(time.waiting()),
                        duration(time.data()),
                        duration(time.checkpoints()),
                        duration(time.other())))
            .toList();
    return Html.table(
        "Training time of one worker",
        List.of("Stage", "Compute", "Wait for gradients", "Wait for data", "Checkpoints", "Other"),
        rows);
  }

  /** What happened to the run besides its steps. */
  String events() {
    List<RunEvent> events =
        report.summary().events().stream()
            .filter(
                event ->
                    event.event() != RunEvent.Kind.TRAINING
                        || event.step() > 0
                        || event.lostSeconds() > 0)
            .toList();
    if (events.isEmpty()) {
      return "<p class=\"none\">No worker failed, and none was slower than the others.</p>";
    }
    return Html.table(
        "%s, %s of training lost"
            .formatted(
                report.summary().restarts() == 1
                    ? "1 restart"
                    : count(report.summary().restarts()) + " restarts",
                unbroken(duration(report.summary().lostSeconds()))),
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

  /** How much of the run was training. */
  String wallTime() {
    double training = report.stages().stream().mapToDouble(StageResult::seconds).sum();
    return "Of the "
        + unbroken(duration(report.summary().wallSeconds()))
        + " of this run "
        + unbroken(duration(training))
        + " were training, the rest start-up, evaluation and export.";
  }

  String dataCounts() {
    if (report.dataCounts().isEmpty()) {
      return "<p class=\"none\">Not known.</p>";
    }
    StringBuilder html = new StringBuilder("<dl class=\"counts\">");
    for (Map.Entry<String, Long> entry : report.dataCounts().entrySet()) {
      html.append(
          "<div><dt>%s</dt><dd>%s</dd></div>"
              .formatted(Html.escape(entry.getKey()), count(entry.getValue())));
    }
    return html.append("</dl>").toString();
  }

  /** Text that is not broken over lines. */
  private static String unbroken(String text) {
    return text.replace(' ', '\u00a0');
  }

  private static String details(String table) {
    return "<details><summary>Table</summary>" + table + "</details>";
  }
}
