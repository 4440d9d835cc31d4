package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StageTrainerTest {

  private static final Path TEACHER = Path.of("src/test/resources/golden/pure/teacher");
  private static final int SEQUENCES = 12; // to be shared by one to four ranks
  private static final int STEPS = 6;
  private static final long UNDISTURBED = Long.MAX_VALUE;
  private static final StudentSettings PURE =
      new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, List.of());

  @TempDir private Path folder;
  private Path data;

  @BeforeEach
  void writeDataSet() throws IOException {
    data = folder.resolve("data");
    TinyDataSet.write(data, 40, 6, 1);
  }

  /** Keeps the metrics of all steps; may fail after one. */
  private static final class Recorder implements TrainingListener {
    private final List<StepMetrics> steps = new ArrayList<>();
    private final List<Long> checkpoints = new ArrayList<>();
    private long failAfter = UNDISTURBED;

    @Override
    public void step(StepMetrics metrics) {
      steps.add(metrics);
      if (metrics.step() == failAfter) {
        throw new IllegalStateException("the power went out");
      }
    }

    @Override
    public void checkpointPublished(PublishedCheckpoint checkpoint) {
      checkpoints.add(checkpoint.step());
    }

    List<Double> losses() {
      return steps.stream().map(StepMetrics::loss).toList();
    }
  }

  private TrainingPlan plan(String run, int microBatch, List<Integer> attentionBlocks) {
    return plan(
        run,
        microBatch,
        new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, attentionBlocks));
  }

  /** A student whose every step is made with the optimizer's state in shares, or whole. */
  private TrainingPlan plan(String run, boolean asynchronous, boolean sharded) {
    return plan(
        run,
        new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, List.of(1)),
        stages(0),
        asynchronous,
        ParallelSettings.of(Optional.of(sharded), GradientType.FLOAT32));
  }

  private TrainingPlan plan(String run, int microBatch, StudentSettings student) {
    return plan(run, student, stages(microBatch), true, ParallelSettings.DEFAULT);
  }

  /** With checkpoints that are published when the step after which they are due has ended. */
  private TrainingPlan waitingPlan(String run, List<Integer> attentionBlocks) {
    return plan(
        run,
        new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, attentionBlocks),
        stages(0),
        false,
        ParallelSettings.DEFAULT);
  }

  private static List<StageSettings> stages(int microBatch) {
    return List.of(
        stage(StageKind.MATRIX, microBatch),
        stage(StageKind.HIDDEN, microBatch),
        stage(StageKind.DISTILL, microBatch));
  }

  private TrainingPlan plan(
      String run,
      StudentSettings student,
      List<StageSettings> stages,
      boolean asynchronous,
      ParallelSettings parallel) {
    return plan(run, student, stages, asynchronous, parallel, ElementType.FLOAT32);
  }

  private TrainingPlan plan(
      String run,
      StudentSettings student,
      List<StageSettings> stages,
      boolean asynchronous,
      ParallelSettings parallel,
      ElementType type) {
    return new TrainingPlan(
        run,
        folder.resolve(run).toString(),
        TEACHER.toString(),
        data.toString(),
        3,
        1_000_000_000,
        DeviceKind.CPU,
        type,
        parallel,
        student,
        stages,
        0,
        new CheckpointSettings(2, 2, asynchronous),
        new EvaluationSettings(0, 0, 2),
        Map.of(),
        folder.resolve("cache").toString(),
        1_000_000_000,
        1);
  }

  private static StageSettings stage(StageKind kind, int microBatch) {
    return new StageSettings(
        kind,
        (long) STEPS * SEQUENCES * TinyDataSet.ROW_LENGTH,
        (long) SEQUENCES * TinyDataSet.ROW_LENGTH,
        microBatch,
        2e-3,
        0.2,
        0.2,
        0.1,
        0.9,
        0.95,
        1e-8,
        1,
        kind == StageKind.DISTILL ? TrainedParts.ALL : TrainedParts.MIXERS,
        HiddenTarget.MIXER,
        false);
  }

  /** Trains all stages and returns the losses of all steps. */
  private List<Double> losses(TrainingPlan plan, int worldSize) throws Exception {
    List<List<Double>> ofRanks =
        Ranks.onEach(
            worldSize,
            collective -> {
              Recorder recorder = new Recorder();
              for (int i = 0; i < plan.stages().size(); i++) {
                StageTrainer.train(plan.atStage(i), collective, recorder);
              }
              return recorder.losses();
            });
    assertThat(ofRanks).as("losses of each rank").containsOnly(ofRanks.get(0));
    return ofRanks.get(0);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void lossCurveIsTheSameAtAnyWorldSize(int worldSize) throws Exception {
    List<Double> alone = losses(plan("alone", 0, List.of()), 1);
    List<Double> together = losses(plan("together", 0, List.of()), worldSize);

    assertThat(alone).hasSize(3 * STEPS);
    for (int i = 0; i < alone.size(); i++) {
      assertThat(together.get(i)).isCloseTo(alone.get(i), within(1e-4 * alone.get(i)));
    }
  }

  @Test
  void lossCurveIsTheSameWhenTheWorldSizeChangesAtEachResume() throws Exception {
    List<Double> throughout = losses(plan("throughout", 0, List.of()), 4);
    TrainingPlan plan = waitingPlan("changing", List.of());

    List<Double> changing = new ArrayList<>();
    for (int i = 0; i < plan.stages().size(); i++) {
      changing.addAll(session(plan.atStage(i), 4, 3).losses().subList(0, 2));
      changing.addAll(session(plan.atStage(i), 2, 5).losses().subList(0, 2));
      changing.addAll(session(plan.atStage(i), 3, UNDISTURBED).losses());
    }

    assertThat(throughout).hasSize(3 * STEPS);
    assertThat(changing).hasSameSizeAs(throughout);
    for (int i = 0; i < throughout.size(); i++) {
      assertThat(changing.get(i)).isCloseTo(throughout.get(i), within(1e-4 * throughout.get(i)));
    }
    assertThat(
            CheckpointStore.open(new Configuration(), plan.runFolder()).list().stream()
                .map(CheckpointManifest::worldSize))
        .contains(2, 3);
  }

  @Test
  void stateMovesBetweenWorldSizesAndBetweenSharesAndWhole() throws Exception {
    List<Double> throughout = losses(plan("throughout", false, false), 4);

    List<Double> moving = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      TrainingPlan shares = plan("moving", false, true).atStage(i);
      TrainingPlan whole = plan("moving", false, false).atStage(i);
      moving.addAll(session(shares, 2, 3).losses().subList(0, 2));
      moving.addAll(session(whole, 3, 5).losses().subList(0, 2));
      moving.addAll(session(shares, 4, UNDISTURBED).losses());
    }

    assertThat(moving).hasSameSizeAs(throughout);
    for (int i = 0; i < throughout.size(); i++) {
      assertThat(moving.get(i)).isCloseTo(throughout.get(i), within(1e-4 * throughout.get(i)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void stateInSharesIsSavedAsStateThatIsWhole(int worldSize) throws Exception {
    TrainingPlan whole = plan("whole", false, false);
    TrainingPlan shares = plan("shares", false, true);
    for (int i = 0; i < 3; i++) {
      session(whole.atStage(i), worldSize, UNDISTURBED);
      session(shares.atStage(i), worldSize, UNDISTURBED);
      Map<String, ByteBuffer> expected = end(whole.atStage(i));
      end(shares.atStage(i))
          .forEach((name, bits) -> assertClose(floats(bits), floats(expected.get(name))));
    }
  }

  private static float[] floats(ByteBuffer bits) {
    float[] values = new float[bits.remaining() / Float.BYTES];
    bits.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer().get(values);
    return values;
  }

  /** As vectors: where a gradient is nearly 0, AdamW makes a step of its rounding. */
  private static void assertClose(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double difference = 0;
    double size = 0;
    for (int i = 0; i < actual.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      size += Math.pow(expected[i], 2);
    }
    assertThat(Math.sqrt(difference)).isLessThan(1e-3 * Math.sqrt(size));
  }

  @ParameterizedTest
  @CsvSource({
    "1, true, false",
    "2, true, false",
    "3, true, true",
    "1, false, false",
    "2, false, true"
  })
  void runThatFailsAfterEachOfItsStepsEndsInTheSameBits(
      int worldSize, boolean asynchronous, boolean sharded) throws Exception {
    TrainingPlan calm = plan("calm", false, sharded);
    TrainingPlan plan = plan("failing", asynchronous, sharded);

    for (int i = 0; i < plan.stages().size(); i++) {
      List<Double> undisturbed = session(calm.atStage(i), worldSize, UNDISTURBED).losses();
      assertThat(undisturbed).hasSize(STEPS);
      for (int step = 1; step <= STEPS; step++) {
        Session session = session(plan.atStage(i), worldSize, step);
        assertThat(session.losses())
            .as("stage %d, failure after step %d", i + 1, step)
            .isEqualTo(undisturbed.subList(session.resumedAt(), step));
        // The session before failed one step earlier, and before the checkpoint that was due after
        // that; where training had not waited for the one before, that may be lost too.
        int published = Math.max(0, step - 2) / 2 * 2;
        assertThat(session.resumedAt()).isIn(asynchronous ? List.of(0, 2, 4) : List.of(published));
        assertThat(session.resumedAt()).isLessThanOrEqualTo(published);
      }
      Session last = session(plan.atStage(i), worldSize, UNDISTURBED);
      assertThat(last.losses()).isEqualTo(undisturbed.subList(last.resumedAt(), STEPS));
      assertThat(last.losses()).as("the stage's end is published after its last step").isNotEmpty();
      assertThat(end(plan.atStage(i))).isEqualTo(end(calm.atStage(i)));
    }
  }

  /** The losses of the steps that were made after {@code resumedAt}. */
  private record Session(int resumedAt, List<Double> losses) {}

  /**
   * Trains the plan's stage from its newest checkpoint until each rank fails after a step, or to
   * its end; returns what was made, which is the same on all ranks.
   */
  private static Session session(TrainingPlan plan, int worldSize, long failAfter)
      throws Exception {
    List<Session> ofRanks =
        Ranks.onEach(
            worldSize,
            collective -> {
              Recorder recorder = new Recorder();
              recorder.failAfter = failAfter;
              if (failAfter == UNDISTURBED) {
                StageTrainer.train(plan, collective, recorder);
              } else {
                assertThatThrownBy(() -> StageTrainer.train(plan, collective, recorder))
                    .hasMessage("the power went out");
              }
              long first = recorder.steps.isEmpty() ? STEPS + 1 : recorder.steps.get(0).step();
              return new Session((int) first - 1, recorder.losses());
            });
    assertThat(ofRanks).as("what each rank did").containsOnly(ofRanks.get(0));
    return ofRanks.get(0);
  }

  /** The bits of weights and optimizer state at the end of the plan's stage. */
  private static Map<String, ByteBuffer> end(TrainingPlan plan) {
    CheckpointStore store = CheckpointStore.open(new Configuration(), plan.runFolder());
    CheckpointManifest end = store.requireCompleted(plan.stage().name().label());
    Map<String, ByteBuffer> content = new TreeMap<>();
    end.buffers()
        .forEach(
            (name, info) -> {
              ByteBuffer bits = ByteBuffer.allocate(Math.toIntExact(info.elements() * Float.BYTES));
              store.load(end, name, 0, bits);
              content.put(name, bits.rewind());
            });
    assertThat(content).containsOnlyKeys("parameters", "exp_avg", "exp_avg_sq");
    return content;
  }

  @Test
  void lossCurveIsTheSameForAnyMicroBatch() throws Exception {
    List<Double> whole = losses(plan("whole", 0, List.of(1)), 1);
    List<Double> cut = losses(plan("cut", 1, List.of(1)), 1);

    for (int i = 0; i < whole.size(); i++) {
      assertThat(cut.get(i)).isCloseTo(whole.get(i), within(1e-4 * whole.get(i)));
    }
  }

  @ParameterizedTest
  @EnumSource
  void alignmentBringsBlocksCloserToTheTeacher(MixerKind mixer) {
    TrainingPlan plan = plan("run", 0, new StudentSettings(mixer, false, 16, 4, 1, 8, List.of()));
    StageResult matrix = StageTrainer.train(plan, SingleProcess.create(), TrainingListener.SILENT);
    StageResult hidden =
        StageTrainer.train(plan.atStage(1), SingleProcess.create(), TrainingListener.SILENT);

    assertThat(sum(matrix.after().matrixDistances()))
        .isLessThan(sum(matrix.before().matrixDistances()));
    assertThat(sum(hidden.after().hiddenDistances()))
        .isLessThan(sum(hidden.before().hiddenDistances()));
    assertThat(hidden.before()).isEqualTo(matrix.after());
  }

  @Test
  void distillationLowersTheLoss() {
    TrainingPlan plan = plan("run", 0, List.of());
    StageTrainer.train(plan, SingleProcess.create(), TrainingListener.SILENT);
    StageTrainer.train(plan.atStage(1), SingleProcess.create(), TrainingListener.SILENT);
    StageResult distill =
        StageTrainer.train(plan.atStage(2), SingleProcess.create(), TrainingListener.SILENT);

    assertThat(distill.lastLoss()).isLessThan(distill.firstLoss());
  }

  private static double sum(List<Double> distances) {
    return distances.stream().mapToDouble(Double::doubleValue).sum();
  }

  @Test
  void interruptedStageEndsAsIfItHadNotBeen() throws Exception {
    TrainingPlan calm = plan("calm", 0, List.of());
    Recorder undisturbed = new Recorder();
    StageResult expected = StageTrainer.train(calm, SingleProcess.create(), undisturbed);

    TrainingPlan plan = waitingPlan("interrupted", List.of());
    Recorder first = new Recorder();
    first.failAfter = 5;
    assertThatThrownBy(() -> StageTrainer.train(plan, SingleProcess.create(), first))
        .hasMessage("the power went out");
    Recorder second = new Recorder();
    StageResult result = StageTrainer.train(plan, SingleProcess.create(), second);

    assertThat(first.checkpoints).containsExactly(2L, 4L);
    assertThat(second.steps.get(0).step()).isEqualTo(5);
    assertThat(second.losses()).isEqualTo(undisturbed.losses().subList(4, STEPS));
    assertThat(result.after()).isEqualTo(expected.after());
    assertThat(result.before()).isEqualTo(expected.before());
    assertThat(result.firstLoss()).isEqualTo(expected.firstLoss());
    assertThat(result.lastLoss()).isEqualTo(expected.lastLoss());
  }

  @Test
  void float64StateIsSavedAndPutBackToTheLastBit() {
    TrainingPlan calm =
        plan("calm", PURE, stages(0), false, ParallelSettings.DEFAULT, ElementType.FLOAT64);
    TrainingPlan plan =
        plan("failing", PURE, stages(0), false, ParallelSettings.DEFAULT, ElementType.FLOAT64);
    for (int i = 0; i < 2; i++) {
      Recorder undisturbed = new Recorder();
      StageTrainer.train(calm.atStage(i), SingleProcess.create(), undisturbed);
      TrainingPlan stage = plan.atStage(i);
      Recorder failing = new Recorder();
      failing.failAfter = 5;
      assertThatThrownBy(() -> StageTrainer.train(stage, SingleProcess.create(), failing))
          .hasMessage("the power went out");
      Recorder resumed = new Recorder();
      StageTrainer.train(stage, SingleProcess.create(), resumed);

      assertThat(resumed.losses()).isEqualTo(undisturbed.losses().subList(4, STEPS));
    }
  }

  @Test
  void finishedStageIsNotTrainedAgain() {
    TrainingPlan plan = plan("run", 0, List.of());
    StageResult first = StageTrainer.train(plan, SingleProcess.create(), TrainingListener.SILENT);
    Recorder recorder = new Recorder();

    StageResult again = StageTrainer.train(plan, SingleProcess.create(), recorder);

    assertThat(recorder.steps).isEmpty();
    assertThat(again).isEqualTo(first);
  }

  @Test
  void stageDoesNotStartBeforeTheOneBeforeItHasEnded() {
    TrainingPlan plan = plan("run", 0, List.of()).atStage(1);

    assertThatThrownBy(
            () -> StageTrainer.train(plan, SingleProcess.create(), TrainingListener.SILENT))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("matrix");
  }

  @Test
  void checkpointOfOtherDataIsRefused() throws IOException {
    TrainingPlan plan = plan("run", 0, List.of());
    StageTrainer.train(plan, SingleProcess.create(), TrainingListener.SILENT);
    FileUtils.deleteDirectory(data.toFile());
    TinyDataSet.write(data, 40, 6, 2);

    assertThatThrownBy(
            () -> StageTrainer.train(plan, SingleProcess.create(), TrainingListener.SILENT))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("data set");
  }

  @Test
  void exportedStudentMeasuresAsTheTrainedOne() {
    TrainingPlan plan = plan("run", 0, List.of(0));
    Evaluation trained = null;
    for (int i = 0; i < 3; i++) {
      trained =
          StageTrainer.train(plan.atStage(i), SingleProcess.create(), TrainingListener.SILENT)
              .after();
    }
    TrainingPlan last = plan.atStage(2);
    ModelTasks.export(last, SingleProcess.create());

    Evaluation exported = ModelTasks.evaluateStudent(last, SingleProcess.create());

    assertThat(exported.perplexity()).isEqualTo(Objects.requireNonNull(trained).perplexity());
    assertThat(Files.exists(folder.resolve("run/student/config.json"))).isTrue();
  }

  @Test
  void theProfileOfTheHeldOutLossAddsUpToThePerplexityOnAnyNumberOfRanks() throws Exception {
    Files.createDirectories(data.resolve("sources"));
    long ofFirst = 3 * TinyDataSet.ROW_LENGTH + 5;
    Files.writeString(
        data.resolve("sources/validation.json"),
        "{\"names\": [\"manual\", \"book\"], \"source\": [0, 1], \"tokens\": [%d, 9999]}"
            .formatted(ofFirst));
    TrainingPlan plan = plan("run", 0, List.of());

    Evaluation alone = ModelTasks.evaluateTeacher(plan, SingleProcess.create());

    LossProfile profile = alone.profile();
    long rows = alone.tokens() / TinyDataSet.ROW_LENGTH;
    assertThat(profile.sources().stream().map(LossProfile.BySource::source))
        .containsExactly("book", "manual");
    assertThat(profile.sources().get(1).tokens()).isEqualTo(ofFirst - 4); // no row's first token
    assertThat(profile.positions().get(0).tokens()).isEqualTo(rows);
    double predicted = rows * (TinyDataSet.ROW_LENGTH - 1.0);
    assertThat(sum(profile.positions(), p -> p.loss() * p.tokens()) / predicted)
        .isCloseTo(Math.log(alone.perplexity()), within(1e-12));
    assertThat(sum(profile.sources(), s -> s.loss() * s.tokens()) / predicted)
        .isCloseTo(Math.log(alone.perplexity()), within(1e-12));
    List<Evaluation> together =
        Ranks.onEach(2, collective -> ModelTasks.evaluateTeacher(plan, collective));
    assertThat(together)
        .allSatisfy(
            ofRank ->
                assertThat(ofRank)
                    .usingRecursiveComparison()
                    .withEqualsForType((a, b) -> Math.abs(a - b) < 1e-12 * b, Double.class)
                    .isEqualTo(alone));
  }

  private static <T> double sum(List<T> parts, ToDoubleFunction<T> value) {
    return parts.stream().mapToDouble(value).sum();
  }

  @Test
  void stepsThatAreNotFiniteAreLeftOutAndCountedOverAResumeUntilTheyAreTooMany() {
    StageSettings exploding =
        new StageSettings(
            StageKind.DISTILL,
            20L * SEQUENCES * TinyDataSet.ROW_LENGTH,
            (long) SEQUENCES * TinyDataSet.ROW_LENGTH,
            0,
            1e30, // the first update makes the weights so large that no loss is finite
            0,
            0,
            0,
            0.9,
            0.95,
            1e-8,
            0,
            TrainedParts.ALL,
            HiddenTarget.MIXER,
            false);
    TrainingPlan plan = plan("run", PURE, List.of(exploding), false, ParallelSettings.DEFAULT);
    Recorder interrupted = new Recorder();
    interrupted.failAfter = 5;
    assertThatThrownBy(() -> StageTrainer.train(plan, SingleProcess.create(), interrupted))
        .hasMessage("the power went out");
    assertThat(interrupted.steps)
        .extracting(StepMetrics::skippedSteps)
        .containsExactly(0L, 1L, 2L, 3L, 4L);

    Recorder resumed = new Recorder();
    assertThatThrownBy(() -> StageTrainer.train(plan, SingleProcess.create(), resumed))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("was not finite in 11 steps, 2 to 12, none of which was applied")
        .hasMessageContaining("Step 2 had the global samples 12 to 23: train.arrow rows ");
    assertThat(resumed.steps.get(0).step()).isEqualTo(5);
    assertThat(resumed.steps.get(0).skippedSteps()).isEqualTo(4);
  }

  /** One stage that trains all weights, in this type and at this rate. */
  private TrainingPlan distillOnly(String run, ElementType type, double learningRate) {
    return new TrainingPlan(
        run,
        folder.resolve(run).toString(),
        TEACHER.toString(),
        data.toString(),
        3,
        1_000_000_000,
        DeviceKind.CPU,
        type,
        ParallelSettings.DEFAULT,
        PURE,
        List.of(
            new StageSettings(
                StageKind.DISTILL,
                2L * SEQUENCES * TinyDataSet.ROW_LENGTH,
                (long) SEQUENCES * TinyDataSet.ROW_LENGTH,
                0,
                learningRate,
                0,
                0,
                0.1,
                0.9,
                0.95,
                1e-8,
                1,
                TrainedParts.ALL,
                HiddenTarget.MIXER,
                false)),
        0,
        new CheckpointSettings(2, 2, false),
        new EvaluationSettings(0, 0, 2),
        Map.of(),
        folder.resolve("cache").toString(),
        1_000_000_000,
        1);
  }

  private StageResult trainAndExport(TrainingPlan plan) {
    StageResult result = StageTrainer.train(plan, SingleProcess.create(), new Recorder());
    ModelTasks.export(plan, SingleProcess.create());
    return result;
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT32", "BFLOAT16"})
  void weightsOfAWarmStartAreExactEvenIfTheyAreRoundedToComputeWith(ElementType type)
      throws IOException {
    TrainingPlan first = distillOnly("first", ElementType.FLOAT32, 1e-3);
    trainAndExport(first);
    String student = first.runFolder() + "/" + ModelTasks.STUDENT_FOLDER;

    trainAndExport(distillOnly("again", type, 0).warmStartedFrom(student));

    assertThat(weights("again").replace("again", "first")).isEqualTo(weights("first"));
  }

  private String weights(String run) throws IOException {
    return Files.readString(
        folder.resolve(run).resolve("student/model.safetensors"), StandardCharsets.ISO_8859_1);
  }

  @Test
  void aWarmStartBeginsWhereTheOtherRunEnded() {
    TrainingPlan first = distillOnly("first", ElementType.FLOAT32, 1e-3);
    StageResult ended = trainAndExport(first);
    String student = first.runFolder() + "/" + ModelTasks.STUDENT_FOLDER;

    StageResult next =
        trainAndExport(distillOnly("again", ElementType.FLOAT32, 1e-3).warmStartedFrom(student));

    assertThat(next.before()).isEqualTo(ended.after());
    assertThat(ended.before().perplexity()).isNotEqualTo(ended.after().perplexity());
  }

  @Test
  void aWarmStartFromAnotherArchitectureIsRefused() {
    TrainingPlan first = distillOnly("first", ElementType.FLOAT32, 1e-3);
    trainAndExport(first);
    String student = first.runFolder() + "/" + ModelTasks.STUDENT_FOLDER;
    TrainingPlan other = plan("other", 0, List.of(1)).warmStartedFrom(student);

    assertThatThrownBy(() -> StageTrainer.train(other, SingleProcess.create(), new Recorder()))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("Name another student");
  }

  @Test
  void aRunThatStartsFromAnotherStudentIsAnotherRun() {
    TrainingPlan first = distillOnly("first", ElementType.FLOAT32, 1e-3);
    trainAndExport(first);
    String student = first.runFolder() + "/" + ModelTasks.STUDENT_FOLDER;
    Configuration hadoop = new Configuration();

    assertThat(RunIdentity.of(first.warmStartedFrom(student), hadoop, TEACHER))
        .isEqualTo(RunIdentity.of(first.warmStartedFrom(student), hadoop, TEACHER))
        .isNotEqualTo(RunIdentity.of(first, hadoop, TEACHER));
  }
}
