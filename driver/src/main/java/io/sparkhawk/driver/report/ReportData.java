package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepMetrics;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** The numbers behind the report's charts, thinned out so that the page stays light. */
record ReportData(
    List<Stage> stages,
    Journey journey,
    ProfileData profile,
    List<String> tokens,
    List<Distances> distances,
    List<Time> time,
    TimelineData timeline) {

  /** Points of a throughput curve: enough to see a trend, few enough not to be noise. */
  private static final int THROUGHPUT_POINTS = 200;

  /**
   * The curves of one stage over its steps; throughput (tokens per second) over seconds of training
   * since the run's first step.
   */
  record Stage(
      StageKind name,
      long steps,
      long notFinite,
      Curve loss,
      Curve smoothLoss,
      Curve gradientNorm,
      Curve smoothGradientNorm,
      Curve learningRate,
      Curve throughput) {}

  /** Perplexity on the way from the untrained to the finished student. */
  record Journey(List<Station> stations, double teacher) {}

  /**
   * One measurement on the way: after {@code stage}, or before the first one if that is absent.
   *
   * @param gapClosed the share that the stage closed of the gap between the untrained student and
   *     the teacher; NaN if it is not known, or this is no stage's end
   */
  record Station(
      String label, String stage, double perplexity, long heldOutTokens, double gapClosed) {}

  /** One kind of distance per block, before the first stage and after each. */
  record Distances(String title, String unit, List<State> states) {}

  /** The blocks' distances at one time; NaN where attention is kept. */
  record State(String label, String stage, List<Double> values) {}

  /** Where the seconds of a stage went, as rank 0 saw it. */
  record Time(
      StageKind stage,
      double compute,
      double waiting,
      double data,
      double checkpoints,
      double other) {}

  static ReportData of(RunReport report) {
    Map<StageKind, List<StepMetrics>> steps = new EnumMap<>(StageKind.class);
    Set<StageKind> order = new LinkedHashSet<>();
    report.stages().forEach(result -> order.add(result.stage()));
    for (StepMetrics step : report.steps()) {
      order.add(step.stage());
      steps.computeIfAbsent(step.stage(), stage -> new ArrayList<>()).add(step);
    }
    List<Stage> stages = new ArrayList<>();
    List<Time> time = new ArrayList<>();
    double start = 0;
    for (StageKind stage : order) {
      List<StepMetrics> taken = steps.getOrDefault(stage, List.of());
      stages.add(stage(stage, taken, start));
      if (!taken.isEmpty()) {
        time.add(time(stage, taken));
      }
      start += sum(taken, StepMetrics::seconds);
    }
    return new ReportData(
        List.copyOf(stages),
        journey(report.summary(), report.stages()),
        ProfileData.of(report.heldOut()),
        report.comparison().map(ModelComparison::tokens).orElse(List.of()),
        List.of(
            distances(
                "Mixing matrices",
                "mean Frobenius norm of student − teacher",
                report.stages(),
                Evaluation::matrixDistances),
            distances(
                "Mixer outputs",
                "mean L2 norm of student − teacher",
                report.stages(),
                Evaluation::hiddenDistances)),
        List.copyOf(time),
        TimelineData.of(report.summary().events(), report.steps()));
  }

  private static Stage stage(StageKind name, List<StepMetrics> steps, double start) {
    Curve loss = overSteps(steps, StepMetrics::loss);
    Curve gradientNorm = overSteps(steps, StepMetrics::gradientNorm);
    return new Stage(
        name,
        steps.size(),
        steps.stream().filter(step -> !Double.isFinite(step.loss())).count(),
        loss.thinned(Curve.LIMIT),
        mean(loss).thinned(Curve.LIMIT),
        gradientNorm.thinned(Curve.LIMIT),
        mean(gradientNorm).thinned(Curve.LIMIT),
        overSteps(steps, StepMetrics::learningRate).thinned(Curve.LIMIT),
        throughput(steps, start));
  }

  /** The trend: each value with a twentieth of the stage around it. */
  private static Curve mean(Curve curve) {
    return curve.smoothed(Math.max(2, curve.size() / 40));
  }

  private static Curve overSteps(List<StepMetrics> steps, ToDoubleFunction<StepMetrics> value) {
    return Curve.of(steps.size(), i -> steps.get(i).step(), i -> value.applyAsDouble(steps.get(i)));
  }

  /** Mean speed of successive groups of steps, at the time at which each group ends. */
  private static Curve throughput(List<StepMetrics> steps, double start) {
    int group = Math.max(1, (steps.size() + THROUGHPUT_POINTS - 1) / THROUGHPUT_POINTS);
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    double time = start;
    for (int from = 0; from < steps.size(); from += group) {
      List<StepMetrics> part = steps.subList(from, Math.min(from + group, steps.size()));
      double seconds = sum(part, StepMetrics::seconds);
      double tokens = sum(part, step -> (double) step.tokens() / step.step());
      time += seconds;
      if (seconds > 0) {
        x.add(time);
        y.add(tokens / seconds);
      }
    }
    return new Curve(x, y);
  }

  private static Time time(StageKind stage, List<StepMetrics> steps) {
    double compute = sum(steps, StepMetrics::computeSeconds);
    double waiting = sum(steps, StepMetrics::waitSeconds);
    double data = sum(steps, StepMetrics::dataSeconds);
    double checkpoints = sum(steps, StepMetrics::checkpointSeconds);
    double known = compute + waiting + data + checkpoints;
    double other = Math.max(0, sum(steps, StepMetrics::seconds) - known);
    return new Time(stage, compute, waiting, data, checkpoints, other);
  }

  /** Sum over the steps for which the value is finite. */
  private static double sum(List<StepMetrics> steps, ToDoubleFunction<StepMetrics> value) {
    return steps.stream().mapToDouble(value).filter(Double::isFinite).sum();
  }

  private static Journey journey(RunSummary summary, List<StageResult> stages) {
    List<Station> stations = new ArrayList<>();
    if (!stages.isEmpty()) {
      Evaluation untrained = stages.get(0).before();
      stations.add(
          new Station("untrained", "", untrained.perplexity(), untrained.tokens(), Double.NaN));
    }
    for (StageResult stage : stages) {
      String name = StageText.of(stage.stage()).name();
      stations.add(
          new Station(
              "after " + name,
              name,
              stage.after().perplexity(),
              stage.after().tokens(),
              Gap.of(summary, stages).closedBy(stage)));
    }
    if (Double.isFinite(summary.studentPerplexity())) {
      stations.add(
          new Station(
              "finished", "", summary.studentPerplexity(), summary.perplexityTokens(), Double.NaN));
    }
    return new Journey(List.copyOf(stations), summary.teacherPerplexity());
  }

  private static Distances distances(
      String title,
      String unit,
      List<StageResult> stages,
      Function<Evaluation, List<Double>> values) {
    List<State> states = new ArrayList<>();
    if (!stages.isEmpty()) {
      states.add(new State("untrained", "", values.apply(stages.get(0).before())));
    }
    for (StageResult stage : stages) {
      String name = StageText.of(stage.stage()).name();
      states.add(new State("after " + name, name, values.apply(stage.after())));
    }
    return new Distances(title, unit, List.copyOf(states));
  }
}
