package io.sparkhawk.driver.report;

import io.sparkhawk.executor.stage.StageKind;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The numbers behind the charts of a comparison. Runs are named by their labels, in their order.
 *
 * @param runs the runs' labels: their names, or their folders where names are not different
 * @param stages curves of each stage that any run has
 * @param journey the perplexities on the way
 * @param positions perplexities by position in the sequence: of each teacher, then of each student
 * @param sources perplexities by source: of each teacher and student that know it
 */
record ComparisonData(
    List<String> runs,
    List<Stage> stages,
    Journey journey,
    List<Line> positions,
    List<Source> sources) {

  /** Curves of one stage over its tokens. */
  record Stage(String name, List<Line> lines) {}

  /** One line of a chart, or the bars of one model; {@code run} is -1 for a teacher. */
  record Line(int run, String label, List<Double> x, List<Double> y) {}

  /** Stations that any run has, and the line of each run over their numbers. */
  record Journey(List<String> stations, List<Line> lines, List<Teacher> teachers) {}

  /** A teacher of some of the runs. */
  record Teacher(String label, double perplexity) {}

  /** The perplexities of one source. */
  record Source(String name, List<Bar> bars) {}

  /** One model on a source. */
  record Bar(int run, String label, double perplexity) {}

  static ComparisonData of(List<ComparedRun> runs) {
    List<String> labels = labels(runs);
    return new ComparisonData(
        labels,
        stages(runs, labels),
        journey(runs, labels),
        positions(runs, labels),
        sources(runs, labels));
  }

  static List<String> labels(List<ComparedRun> runs) {
    Set<String> names = new HashSet<>();
    boolean different = runs.stream().allMatch(run -> names.add(run.summary().run()));
    return runs.stream().map(run -> different ? run.summary().run() : run.folder()).toList();
  }

  private static List<Stage> stages(List<ComparedRun> runs, List<String> labels) {
    List<Stage> stages = new ArrayList<>();
    for (StageKind kind : StageKind.values()) {
      List<Line> lines = new ArrayList<>();
      for (int i = 0; i < runs.size(); i++) {
        Curve curve = runs.get(i).losses().get(kind.label());
        if (curve != null) {
          lines.add(new Line(i, labels.get(i), curve.x(), curve.y()));
        }
      }
      if (!lines.isEmpty()) {
        stages.add(new Stage(kind.label(), List.copyOf(lines)));
      }
    }
    return List.copyOf(stages);
  }

  private static Journey journey(List<ComparedRun> runs, List<String> labels) {
    Set<String> known = new HashSet<>();
    runs.forEach(run -> run.stations().forEach(station -> known.add(station.label())));
    List<String> stations = new ArrayList<>(List.of("untrained"));
    for (StageKind kind : StageKind.values()) {
      stations.add("after " + kind.label());
    }
    stations.add("finished");
    stations.retainAll(known);
    List<Line> lines = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      List<ReportData.Station> measured =
          runs.get(i).stations().stream()
              .filter(station -> Double.isFinite(station.perplexity()))
              .toList();
      lines.add(
          new Line(
              i,
              labels.get(i),
              measured.stream().map(s -> (double) stations.indexOf(s.label())).toList(),
              measured.stream().map(ReportData.Station::perplexity).toList()));
    }
    List<Teacher> teachers =
        teachers(runs, labels, run -> run.summary().teacherPerplexity()).entrySet().stream()
            .filter(teacher -> Double.isFinite(teacher.getKey()))
            .map(teacher -> new Teacher(teacher.getValue(), teacher.getKey()))
            .toList();
    return new Journey(List.copyOf(stations), List.copyOf(lines), teachers);
  }

  /** What was measured of teachers, each once, with the teacher's label. */
  private static <T> Map<T, String> teachers(
      List<ComparedRun> runs, List<String> labels, Function<ComparedRun, T> measured) {
    Map<T, List<String>> pupils = new LinkedHashMap<>();
    for (int i = 0; i < runs.size(); i++) {
      pupils
          .computeIfAbsent(measured.apply(runs.get(i)), t -> new ArrayList<>())
          .add(labels.get(i));
    }
    return pupils.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                entry ->
                    pupils.size() == 1
                        ? "teacher"
                        : "teacher of " + String.join(", ", entry.getValue()),
                (a, b) -> a,
                LinkedHashMap::new));
  }

  private static List<Line> positions(List<ComparedRun> runs, List<String> labels) {
    List<Line> lines = new ArrayList<>();
    teachers(runs, labels, run -> positions(run, ProfileData.Position::teacher))
        .forEach((curve, label) -> lines.add(new Line(-1, label, curve.x(), curve.y())));
    for (int i = 0; i < runs.size(); i++) {
      Curve curve = positions(runs.get(i), ProfileData.Position::student);
      lines.add(new Line(i, labels.get(i), curve.x(), curve.y()));
    }
    return lines.stream().filter(line -> !line.x().isEmpty()).toList();
  }

  /** A group of positions stands where its middle is on a logarithmic axis. */
  private static Curve positions(ComparedRun run, Function<ProfileData.Position, Double> value) {
    List<ProfileData.Position> positions = run.profile().positions();
    return Curve.of(
        positions.size(),
        i -> Math.sqrt((double) positions.get(i).first() * positions.get(i).last()),
        i -> value.apply(positions.get(i)));
  }

  private static List<Source> sources(List<ComparedRun> runs, List<String> labels) {
    Set<String> names = new LinkedHashSet<>();
    runs.forEach(run -> run.profile().sources().forEach(source -> names.add(source.name())));
    return names.stream().map(name -> new Source(name, bars(runs, labels, name))).toList();
  }

  private static List<Bar> bars(List<ComparedRun> runs, List<String> labels, String name) {
    List<Bar> bars = new ArrayList<>();
    teachers(runs, labels, run -> source(run, name, ProfileData.Source::teacher))
        .forEach((perplexity, label) -> bars.add(new Bar(-1, label, perplexity)));
    for (int i = 0; i < runs.size(); i++) {
      double perplexity = source(runs.get(i), name, ProfileData.Source::student);
      bars.add(new Bar(i, labels.get(i), perplexity));
    }
    return bars.stream().filter(bar -> Double.isFinite(bar.perplexity())).toList();
  }

  private static double source(
      ComparedRun run, String name, Function<ProfileData.Source, Double> value) {
    return run.profile().sources().stream()
        .filter(source -> source.name().equals(name))
        .map(value)
        .findFirst()
        .orElse(Double.NaN);
  }

  /** Whether all runs were measured on as many tokens with a teacher as good. */
  static boolean sameTeachers(Collection<ComparedRun> runs) {
    return runs.stream()
            .map(ComparedRun::summary)
            .filter(summary -> Double.isFinite(summary.teacherPerplexity()))
            .map(summary -> List.of(summary.teacherPerplexity(), summary.perplexityTokens()))
            .distinct()
            .count()
        <= 1;
  }
}
