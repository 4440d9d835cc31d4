package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.launch.RunListener;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.tab.TabEvent.CheckpointMade;
import io.sparkhawk.driver.tab.TabEvent.Evaluated;
import io.sparkhawk.driver.tab.TabEvent.Happened;
import io.sparkhawk.driver.tab.TabEvent.RankFigures;
import io.sparkhawk.driver.tab.TabEvent.RanksHeard;
import io.sparkhawk.driver.tab.TabEvent.RunEnded;
import io.sparkhawk.driver.tab.TabEvent.RunStarted;
import io.sparkhawk.driver.tab.TabEvent.StageChanged;
import io.sparkhawk.driver.tab.TabEvent.StagePlan;
import io.sparkhawk.driver.tab.TabEvent.StageState;
import io.sparkhawk.driver.tab.TabEvent.StepFigures;
import io.sparkhawk.driver.tab.TabEvent.StepsMade;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.spark.SparkContext;
import org.apache.spark.ui.SparkUI;
import scala.Option;

/**
 * Tells the tab of a run what happens in it. Steps and ranks are gathered and told together, so
 * that neither the listener bus nor an event log has much to carry of a run with many short steps.
 *
 * <p>Before {@link #watch} nothing is told.
 */
public final class TabProgress implements RunListener {

  /** How long steps are gathered. */
  private static final long STEPS_MILLIS = 500;

  /** Steps of earlier sessions that are told in one event. */
  private static final int EARLIER_STEPS = 500;

  private final String run;
  private final List<StageSettings> stages;
  private final int vocabulary;
  private final InstantSource clock;
  private Consumer<TabEvent> bus = event -> {};

  private String stage = "";
  private final List<StepFigures> steps = new ArrayList<>();
  private long stepsTold;
  private String work = "";
  private int workers;
  private final Map<Integer, RankSums> ranks = new TreeMap<>();
  private long ranksTold;

  /**
   * @param run the run's name
   * @param stages all of its stages, in order
   * @param vocabulary how many tokens the model chooses from
   */
  public TabProgress(String run, List<StageSettings> stages, int vocabulary, InstantSource clock) {
    this.run = run;
    this.stages = List.copyOf(stages);
    this.vocabulary = vocabulary;
    this.clock = clock;
  }

  /**
   * Adds the tab to an application's web interface, if it has one, and tells it from now on.
   *
   * @param earlier steps that earlier sessions of the run made, in order
   * @return where the page is; empty where Spark has no web interface
   */
  public Optional<String> watch(SparkContext spark, List<StepMetrics> earlier) {
    bus = event -> spark.listenerBus().post(event);
    Option<SparkUI> ui = spark.ui();
    if (ui.isDefined()) {
      RunView view = new RunView();
      spark.addSparkListener(new TabListener(view));
      RunTab.addTo(ui.get(), since -> ViewJson.of(view, since, clock.millis(), true));
    }
    begin(earlier);
    return ui.isDefined()
        ? Optional.of(ui.get().webUrl() + "/" + RunTab.PREFIX + "/")
        : Optional.empty();
  }

  private void begin(List<StepMetrics> earlier) {
    List<StagePlan> plans =
        stages.stream()
            .map(
                settings ->
                    new StagePlan(
                        settings.name().label(),
                        settings.steps(),
                        settings.tokens(),
                        largestLoss(settings.name())))
            .toList();
    bus.accept(new RunStarted(clock.millis(), run, plans));
    for (StepMetrics step : earlier) {
      add(step);
      if (steps.size() == EARLIER_STEPS) {
        tellSteps();
      }
    }
    tellSteps();
  }

  /** That of a model to which all tokens are equally likely; distances have no such limit. */
  private float largestLoss(StageKind kind) {
    return kind == StageKind.DISTILL ? (float) Math.log(vocabulary) : Float.NaN;
  }

  @Override
  public void teacherEvaluated(Evaluation teacher) {
    tell("teacher", teacher);
  }

  @Override
  public void studentEvaluated(Evaluation student) {
    tell("student", student);
  }

  private void tell(String model, Evaluation evaluation) {
    bus.accept(
        new Evaluated(clock.millis(), model, (float) evaluation.perplexity(), evaluation.tokens()));
  }

  @Override
  public void stageStarted(StageSettings settings, int number, int stages) {
    tell(settings.name(), StageState.TRAINING, 0);
  }

  @Override
  public void stageSkipped(StageResult result) {
    tell(result.stage(), StageState.DONE, result.seconds());
  }

  @Override
  public void stageEnded(StageResult result) {
    tell(result.stage(), StageState.DONE, result.seconds());
  }

  private void tell(StageKind kind, StageState state, double seconds) {
    tellSteps();
    tellRanks();
    bus.accept(new StageChanged(clock.millis(), kind.label(), state, (float) seconds));
  }

  @Override
  public void step(StepMetrics metrics) {
    add(metrics);
    if (clock.millis() - stepsTold >= STEPS_MILLIS) {
      tellSteps();
    }
  }

  private void add(StepMetrics step) {
    if (!step.stage().label().equals(stage)) {
      tellSteps();
      stage = step.stage().label();
    }
    steps.add(figures(step));
  }

  private static StepFigures figures(StepMetrics step) {
    return new StepFigures(
        step.step(),
        step.tokens(),
        (float) step.loss(),
        step.blockLosses().stream().map(Double::floatValue).toList(),
        (float) step.gradientNorm(),
        (float) step.learningRate(),
        (float) step.computeSeconds(),
        (float) step.waitSeconds(),
        (float) step.dataSeconds(),
        (float) step.checkpointSeconds(),
        (float) step.seconds(),
        step.skippedSteps());
  }

  private void tellSteps() {
    stepsTold = clock.millis();
    if (!steps.isEmpty()) {
      bus.accept(new StepsMade(stepsTold, stage, steps));
      steps.clear();
    }
  }

  @Override
  public void rankHeard(RankHeartbeat heartbeat) {
    if (!heartbeat.work().equals(work) || heartbeat.workers() != workers) {
      tellRanks();
      work = heartbeat.work();
      workers = heartbeat.workers();
      ranks.clear();
    }
    ranks.computeIfAbsent(heartbeat.rank(), rank -> new RankSums()).add(heartbeat);
    long now = clock.millis();
    if (now - ranksTold >= Ranks.reportMillis(workers)) {
      tellRanks();
    }
    if (now - stepsTold >= STEPS_MILLIS) {
      tellSteps();
    }
  }

  private void tellRanks() {
    ranksTold = clock.millis();
    List<RankFigures> heard =
        ranks.values().stream().filter(RankSums::isNew).map(RankSums::take).toList();
    if (!heard.isEmpty()) {
      bus.accept(new RanksHeard(ranksTold, work, workers, heard));
    }
  }

  @Override
  public void checkpointPublished(PublishedCheckpoint checkpoint) {
    tellSteps();
    bus.accept(
        new CheckpointMade(
            clock.millis(),
            checkpoint.stage(),
            checkpoint.step(),
            checkpoint.location(),
            checkpoint.bytes()));
  }

  @Override
  public void runEvent(RunEvent event) {
    tellSteps();
    bus.accept(
        new Happened(
            Instant.parse(event.time()).toEpochMilli(),
            event.event().name().toLowerCase(Locale.ROOT),
            event.work(),
            event.step(),
            event.workers(),
            event.rank(),
            (float) event.lostSeconds(),
            event.sentence()));
  }

  @Override
  public void runEnded(Optional<RuntimeException> failure) {
    tellSteps();
    tellRanks();
    bus.accept(
        new RunEnded(clock.millis(), failure.map(e -> String.valueOf(e.getMessage())).orElse("")));
  }
}
