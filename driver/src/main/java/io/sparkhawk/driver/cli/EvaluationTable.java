package io.sparkhawk.driver.cli;

import io.sparkhawk.executor.evaluate.Measurement;
import io.sparkhawk.executor.evaluate.Metric;
import io.sparkhawk.executor.evaluate.TaskOutcomes;
import io.sparkhawk.executor.evaluate.TaskResults;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.LossProfile;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The figures of one model or of two side by side, for people and for programs. */
final class EvaluationTable {

  /**
   * A line of the table.
   *
   * @param task the task's name, {@code average}, {@code held-out rows} or one of their sources
   * @param metric the metric's name
   * @param count how many there are of what is counted
   * @param unit what is counted: examples, tasks or tokens
   * @param truncated examples whose context lost its beginning
   * @param models one measurement for each model
   * @param difference the second model's less the first's; empty if there is one model
   */
  record Row(
      String task,
      String metric,
      long count,
      String unit,
      long truncated,
      List<Measurement> models,
      List<Measurement> difference) {

    Row {
      models = List.copyOf(models);
      difference = List.copyOf(difference);
    }
  }

  /**
   * All results.
   *
   * @param models the models' folders, one or two
   * @param maxLength most tokens that the models read of an example; 0 if there are no tasks
   * @param profiles of each model where its loss on the held-out rows comes from; empty if that was
   *     not measured
   */
  record Results(List<String> models, int maxLength, List<Row> rows, List<LossProfile> profiles) {

    Results {
      models = List.copyOf(models);
      rows = List.copyOf(rows);
      profiles = List.copyOf(profiles);
    }
  }

  private final Results results;

  private EvaluationTable(Results results) {
    this.results = results;
  }

  /**
   * Computes the figures.
   *
   * @param models the models' folders, one or two
   * @param perplexities one for each model, or none
   */
  static EvaluationTable of(
      List<String> models, List<Evaluation> perplexities, Optional<TaskResults> tasks) {
    List<TaskOutcomes> outcomes = tasks.map(TaskResults::tasks).orElse(List.of());
    List<Row> rows = new ArrayList<>();
    for (TaskOutcomes task : outcomes) {
      task.kind().metrics().forEach(metric -> rows.add(row(task, metric)));
    }
    if (outcomes.size() > 1) {
      rows.add(average(outcomes, Metric.ACC));
      if (outcomes.stream().anyMatch(task -> has(task, Metric.ACC_NORM))) {
        rows.add(average(outcomes, Metric.ACC_NORM));
      }
    }
    if (!perplexities.isEmpty()) {
      rows.add(heldOut(perplexities));
      rows.addAll(bySource(perplexities));
    }
    return new EvaluationTable(
        new Results(
            models,
            tasks.map(TaskResults::maxLength).orElse(0),
            rows,
            perplexities.stream().map(Evaluation::profile).toList()));
  }

  private static Row row(TaskOutcomes task, Metric metric) {
    List<Measurement> difference =
        task.byModel().size() == 2
            ? List.of(metric.difference(task.byModel().get(0), task.byModel().get(1)))
            : List.of();
    return new Row(
        task.task(),
        metric.label(),
        task.examples(),
        "examples",
        task.truncated(),
        task.byModel().stream().map(metric::of).toList(),
        difference);
  }

  /** The unweighted mean over tasks; a task without the metric takes part with its accuracy. */
  private static Row average(List<TaskOutcomes> tasks, Metric metric) {
    List<Row> rows =
        tasks.stream().map(task -> row(task, has(task, metric) ? metric : Metric.ACC)).toList();
    int models = rows.get(0).models().size();
    return new Row(
        "average",
        metric.label(),
        tasks.size(),
        "tasks",
        rows.stream().mapToLong(Row::truncated).sum(),
        IntStream.range(0, models)
            .mapToObj(m -> Measurement.average(rows.stream().map(r -> r.models().get(m)).toList()))
            .toList(),
        models == 2
            ? List.of(Measurement.average(rows.stream().map(r -> r.difference().get(0)).toList()))
            : List.of());
  }

  private static boolean has(TaskOutcomes task, Metric metric) {
    return task.kind().metrics().contains(metric);
  }

  private static Row heldOut(List<Evaluation> perplexities) {
    return perplexity(
        "held-out rows",
        perplexities.get(0).tokens(),
        perplexities.stream().map(Evaluation::perplexity).toList());
  }

  /** A row for each source, if the tokens are of several; all models have read the same ones. */
  private static List<Row> bySource(List<Evaluation> perplexities) {
    List<LossProfile.BySource> sources = perplexities.get(0).profile().sources();
    if (sources.size() < 2) {
      return List.of();
    }
    return IntStream.range(0, sources.size())
        .mapToObj(
            i ->
                perplexity(
                    "of " + sources.get(i).source(),
                    sources.get(i).tokens(),
                    perplexities.stream()
                        .map(e -> Math.exp(e.profile().sources().get(i).loss()))
                        .toList()))
        .toList();
  }

  /**
   * A row of perplexities, whose errors are not known.
   *
   * @param values one for each model
   */
  private static Row perplexity(String rows, long tokens, List<Double> values) {
    List<Measurement> models =
        values.stream().map(value -> new Measurement(value, Double.NaN)).toList();
    List<Measurement> difference =
        values.size() == 2
            ? List.of(new Measurement(values.get(1) - values.get(0), Double.NaN))
            : List.of();
    return new Row(rows, Metric.PERPLEXITY.label(), tokens, "tokens", 0, models, difference);
  }

  /** What is written as JSON. */
  Results results() {
    return results;
  }

  /** The table in columns of text, with standard errors in brackets. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (int model = 0; model < results.models().size(); model++) {
      lines.add((char) ('A' + model) + ": " + results.models().get(model));
    }
    lines.addAll(aligned(cells()));
    lines.addAll(notes());
    return lines;
  }

  private List<List<String>> cells() {
    List<List<String>> cells = new ArrayList<>();
    boolean two = results.models().size() == 2;
    cells.add(
        two
            ? List.of("task", "metric", "n", "A", "B", "B - A")
            : List.of("task", "metric", "n", "A"));
    for (Row row : results.rows()) {
      List<String> line = new ArrayList<>();
      line.add(row.task());
      line.add(row.metric());
      line.add(String.format(Locale.ROOT, "%,d %s", row.count(), row.unit()));
      row.models().forEach(model -> line.add(text(model, "%.4f")));
      row.difference().forEach(difference -> line.add(text(difference, "%+.4f")));
      cells.add(line);
    }
    return cells;
  }

  private static String text(Measurement measurement, String format) {
    String value = String.format(Locale.ROOT, format, measurement.value());
    return Double.isNaN(measurement.standardError())
        ? value
        : value + String.format(Locale.ROOT, " (%.4f)", measurement.standardError());
  }

  private static List<String> aligned(List<List<String>> cells) {
    int[] widths =
        IntStream.range(0, cells.get(0).size())
            .map(column -> cells.stream().mapToInt(row -> row.get(column).length()).max().orElse(0))
            .toArray();
    return cells.stream()
        .map(
            row ->
                IntStream.range(0, row.size())
                    .mapToObj(
                        column ->
                            String.format(
                                Locale.ROOT, "%-" + widths[column] + "s", row.get(column)))
                    .collect(Collectors.joining("  "))
                    .stripTrailing())
        .toList();
  }

  private List<String> notes() {
    List<String> notes = new ArrayList<>();
    if (results.maxLength() > 0) {
      notes.add(
          "Standard errors in brackets"
              + (results.models().size() == 2
                  ? "; that of B - A is of the differences example by example."
                  : "."));
    }
    results.rows().stream()
        .filter(row -> row.truncated() > 0 && row.unit().equals("examples"))
        .filter(row -> row.metric().equals(Metric.ACC.label()))
        .map(
            row ->
                String.format(
                    Locale.ROOT,
                    "%s: %,d of %,d examples were longer than %,d tokens and lost their beginning.",
                    row.task(),
                    row.truncated(),
                    row.count(),
                    results.maxLength()))
        .forEach(notes::add);
    return notes;
  }
}
