package io.sparkhawk.driver.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.compare.TextPair;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.EvaluationSettings;
import io.sparkhawk.executor.train.ParallelSettings;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.train.TrainingPlan;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DistillationTest {

  private static final TrainingPlan PLAN =
      new TrainingPlan(
          "tiny",
          "/runs/tiny",
          "/teacher",
          "/data",
          1,
          1_000_000_000,
          DeviceKind.CPU,
          ElementType.FLOAT32,
          ParallelSettings.DEFAULT,
          new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 128, List.of()),
          List.of(stage(StageKind.MATRIX), stage(StageKind.HIDDEN), stage(StageKind.DISTILL)),
          0,
          new CheckpointSettings(500, 2, true),
          new EvaluationSettings(20_000, 0, 8),
          Map.of(),
          "/tmp/cache",
          1_000_000_000,
          1);

  private static final ModelComparison COMPARISON =
      new ModelComparison(
          List.of("a", "b"), List.of(), List.of(new TextPair("once", " upon", " a time")));

  private final InfrastructureException takenOver =
      new InfrastructureException("The run was taken over.");

  private final List<String> story = new ArrayList<>();
  private final FakeRecord record = new FakeRecord();
  private Instant now = Instant.EPOCH;
  private Optional<RuntimeException> failureOfHidden = Optional.empty();

  private Optional<RuntimeException> failureOfComparison = Optional.empty();
  private boolean loseRunInComparison;

  private Optional<StageKind> loseRunIn = Optional.empty();
  private Optional<StageKind> restartIn = Optional.empty();
  private Optional<StageKind> lostBefore = Optional.empty();
  private boolean lost;

  private final Distillation distillation =
      new Distillation(record, this::startWorkers, new StoryListener(), () -> now);

  @Test
  void stagesAreTrainedInTheirOrderBetweenTheMeasurements() {
    DistillationResult result = distillation.run(PLAN);
    assertThat(story)
        .containsExactly(
            "check",
            "take the run",
            "start workers",
            "teacher 19.0",
            "stage 1 of 3 MATRIX",
            "train MATRIX",
            "step 1",
            "record MATRIX",
            "ended MATRIX",
            "stage 2 of 3 HIDDEN",
            "train HIDDEN",
            "step 1",
            "record HIDDEN",
            "ended HIDDEN",
            "stage 3 of 3 DISTILL",
            "train DISTILL",
            "step 1",
            "record DISTILL",
            "ended DISTILL",
            "export after DISTILL",
            "student 37.0",
            "compare after DISTILL",
            "record the end",
            "close workers",
            "give the run back");
    assertThat(result.stages())
        .extracting(StageResult::stage)
        .containsExactly(StageKind.MATRIX, StageKind.HIDDEN, StageKind.DISTILL);
    assertThat(result.duration()).isEqualTo(Duration.ofSeconds(30));
    assertThat(result.comparison()).contains(COMPARISON);
    assertThat(record.ended).contains(result);
  }

  @Test
  void aComparisonThatFailsIsToldAndTheRunIsDoneWithoutIt() {
    for (RuntimeException failure :
        List.of(
            new InfrastructureException("Executor 0 was lost."),
            new IllegalStateException("unforeseen"))) {
      story.clear();
      failureOfComparison = Optional.of(failure);
      DistillationResult result = distillation.run(PLAN);
      assertThat(story)
          .containsSubsequence(
              "student 37.0",
              "compare after DISTILL",
              "not compared: " + failure.getMessage(),
              "record the end");
      assertThat(result.comparison()).isEmpty();
      assertThat(record.ended).contains(result);
    }
  }

  @Test
  void aRunThatIsLostWhileModelsAreComparedIsNotRecorded() {
    failureOfComparison = Optional.of(new InfrastructureException("Executor 0 was lost."));
    loseRunInComparison = true;
    assertThatThrownBy(() -> distillation.run(PLAN)).isSameAs(takenOver);
    assertThat(story).endsWith("compare after DISTILL", "close workers", "give the run back");
    assertThat(record.ended).isEmpty();
  }

  @Test
  void nothingIsStartedIfTheCheckFails() {
    record.problem = Optional.of(new DataException("The teacher's config.json is missing."));
    assertThatThrownBy(() -> distillation.run(PLAN)).isSameAs(record.problem.get());
    assertThat(story).containsExactly("check");
  }

  @Test
  void nothingIsStartedIfAnotherProcessHoldsTheRun() {
    record.refusal = Optional.of(new InfrastructureException("Process 1 holds the run."));
    assertThatThrownBy(() -> distillation.run(PLAN)).isSameAs(record.refusal.get());
    assertThat(story).containsExactly("check", "take the run");
  }

  @Test
  void afterTheRunIsLostNoStepAndNoResultIsRecorded() {
    loseRunIn = Optional.of(StageKind.HIDDEN);
    assertThatThrownBy(() -> distillation.run(PLAN)).isSameAs(takenOver);
    assertThat(story)
        .contains("step 1", "record MATRIX")
        .endsWith("train HIDDEN", "close workers", "give the run back");
  }

  @Test
  void nothingIsStartedAgainInARunThatIsLost() {
    restartIn = Optional.of(StageKind.HIDDEN);
    lostBefore = Optional.of(StageKind.HIDDEN);
    assertThatThrownBy(() -> distillation.run(PLAN)).isSameAs(takenOver);
    assertThat(story).contains("train HIDDEN").doesNotContain("restart");
  }

  @Test
  void restartIsTold() {
    restartIn = Optional.of(StageKind.HIDDEN);
    distillation.run(PLAN);
    assertThat(story).containsSubsequence("train HIDDEN", "restart", "step 1", "ended HIDDEN");
  }

  @Test
  void anInterruptedRunContinuesWithTheStageThatIsNotFinished() {
    failureOfHidden = Optional.of(new InfrastructureException("Executor 1 was lost."));
    assertThatThrownBy(() -> distillation.run(PLAN)).isSameAs(failureOfHidden.get());
    assertThat(story).contains("record MATRIX").endsWith("close workers", "give the run back");

    story.clear();
    failureOfHidden = Optional.empty();
    DistillationResult result = distillation.run(PLAN);
    assertThat(story)
        .contains("skipped MATRIX", "train HIDDEN", "train DISTILL")
        .doesNotContain("train MATRIX");
    assertThat(result.stages()).hasSize(3);
  }

  @Test
  void aFinishedRunTrainsNothingAgain() {
    distillation.run(PLAN);
    story.clear();
    distillation.run(PLAN);
    assertThat(story).noneMatch(event -> event.startsWith("train"));
  }

  private Workers startWorkers() {
    story.add("start workers");
    return new FakeWorkers();
  }

  private static StageSettings stage(StageKind kind) {
    return new StageSettings(
        kind,
        64_000,
        1024,
        0,
        3e-3,
        0.1,
        0.1,
        0.1,
        0.9,
        0.95,
        1e-8,
        1,
        TrainedParts.MIXERS,
        HiddenTarget.MIXER,
        false);
  }

  private static Evaluation evaluation(double perplexity) {
    return new Evaluation(perplexity, 1000, List.of(), List.of());
  }

  private final class FakeWorkers implements Workers {

    @Override
    public Evaluation evaluateTeacher(TrainingPlan plan, SupervisionListener listener) {
      return evaluation(19);
    }

    @Override
    public StageResult train(TrainingPlan plan, SupervisionListener listener) {
      StageKind stage = plan.stage().name();
      story.add("train " + stage);
      now = now.plusSeconds(10);
      if (stage == StageKind.HIDDEN && failureOfHidden.isPresent()) {
        throw failureOfHidden.get();
      }
      lost |= lostBefore.equals(Optional.of(stage));
      if (restartIn.equals(Optional.of(stage))) {
        listener.runEvent(
            new RunEvent(RunEvent.Kind.RESTART, now.toString(), "stage", 1, 2, -1, 0, "restart"));
      }
      lost |= loseRunIn.equals(Optional.of(stage));
      listener.step(
          new StepMetrics(stage, 1, 1, 1024, 9, List.of(), 1, 3e-3, 0.1, 0, 0, 0, 0.1, 0));
      return new StageResult(stage, 64_000, 9, 4, 10, evaluation(90), evaluation(50));
    }

    @Override
    public void export(TrainingPlan plan, SupervisionListener listener) {
      story.add("export after " + plan.stage().name());
    }

    @Override
    public Evaluation evaluateStudent(TrainingPlan plan, SupervisionListener listener) {
      return evaluation(37);
    }

    @Override
    public ModelComparison compare(TrainingPlan plan, SupervisionListener listener) {
      story.add("compare after " + plan.stage().name());
      lost |= loseRunInComparison;
      failureOfComparison.ifPresent(
          failure -> {
            throw failure;
          });
      return COMPARISON;
    }

    @Override
    public void close() {
      story.add("close workers");
    }
  }

  private final class FakeHold implements RunHold {

    @Override
    public void requireNotLost() {
      if (lost) {
        throw takenOver;
      }
    }

    @Override
    public void requireHeld() {
      requireNotLost();
    }

    @Override
    public void close() {
      story.add("give the run back");
    }
  }

  private final class FakeRecord implements RunRecord {

    private final Map<StageKind, StageResult> results = new EnumMap<>(StageKind.class);
    private Optional<RuntimeException> problem = Optional.empty();
    private Optional<RuntimeException> refusal = Optional.empty();
    private Optional<DistillationResult> ended = Optional.empty();

    @Override
    public RunHold hold() {
      story.add("take the run");
      refusal.ifPresent(
          failure -> {
            throw failure;
          });
      return new FakeHold();
    }

    @Override
    public void check(TrainingPlan plan) {
      story.add("check");
      problem.ifPresent(
          failure -> {
            throw failure;
          });
    }

    @Override
    public Optional<StageResult> finished(TrainingPlan plan) {
      return Optional.ofNullable(results.get(plan.stage().name()));
    }

    @Override
    public void stageEnded(StageResult result) {
      story.add("record " + result.stage());
      results.put(result.stage(), result);
    }

    @Override
    public void runEnded(DistillationResult result) {
      story.add("record the end");
      ended = Optional.of(result);
    }
  }

  private final class StoryListener implements RunListener {

    @Override
    public void teacherEvaluated(Evaluation teacher) {
      story.add("teacher " + teacher.perplexity());
    }

    @Override
    public void stageStarted(StageSettings stage, int number, int stages) {
      story.add("stage " + number + " of " + stages + " " + stage.name());
    }

    @Override
    public void stageSkipped(StageResult result) {
      story.add("skipped " + result.stage());
    }

    @Override
    public void runEvent(RunEvent event) {
      story.add(event.sentence());
    }

    @Override
    public void stageEnded(StageResult result) {
      story.add("ended " + result.stage());
    }

    @Override
    public void studentEvaluated(Evaluation student) {
      story.add("student " + student.perplexity());
    }

    @Override
    public void comparisonFailed(RuntimeException failure) {
      story.add("not compared: " + failure.getMessage());
    }

    @Override
    public void step(StepMetrics metrics) {
      story.add("step " + metrics.step());
    }

    @Override
    public void checkpointPublished(PublishedCheckpoint checkpoint) {
      story.add("checkpoint " + checkpoint.location());
    }
  }
}
