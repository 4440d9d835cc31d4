package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
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
    public void checkpointPublished(String stage, long step, String location) {
      checkpoints.add(step);
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
  private TrainingPlan plan(String run, boolean sharded) {
    return plan(
        run,
        0,
        new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, List.of(1)),
        ParallelSettings.of(Optional.of(sharded), GradientType.FLOAT32));
  }

  private TrainingPlan plan(String run, int microBatch, StudentSettings student) {
    return plan(run, microBatch, student, ParallelSettings.DEFAULT);
  }

  private TrainingPlan plan(
      String run, int microBatch, StudentSettings student, ParallelSettings parallel) {
    List<StageSettings> stages =
        List.of(
            stage(StageKind.MATRIX, microBatch),
            stage(StageKind.HIDDEN, microBatch),
            stage(StageKind.DISTILL, microBatch));
    return new TrainingPlan(
        run,
        folder.resolve(run).toString(),
        TEACHER.toString(),
        data.toString(),
        3,
        DeviceKind.CPU,
        ElementType.FLOAT32,
        parallel,
        student,
        stages,
        0,
        new CheckpointSettings(2, 2),
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
    TrainingPlan plan = plan("changing", 0, List.of());

    List<Double> changing = new ArrayList<>();
    for (int i = 0; i < plan.stages().size(); i++) {
      changing.addAll(session(plan.atStage(i), 4, 3).subList(0, 2));
      changing.addAll(session(plan.atStage(i), 2, 5).subList(0, 2));
      changing.addAll(session(plan.atStage(i), 3, UNDISTURBED));
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
    List<Double> throughout = losses(plan("throughout", false), 4);

    List<Double> moving = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      TrainingPlan shares = plan("moving", true).atStage(i);
      TrainingPlan whole = plan("moving", false).atStage(i);
      moving.addAll(session(shares, 2, 3).subList(0, 2));
      moving.addAll(session(whole, 3, 5).subList(0, 2));
      moving.addAll(session(shares, 4, UNDISTURBED));
    }

    assertThat(moving).hasSameSizeAs(throughout);
    for (int i = 0; i < throughout.size(); i++) {
      assertThat(moving.get(i)).isCloseTo(throughout.get(i), within(1e-4 * throughout.get(i)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void stateInSharesIsSavedAsStateThatIsWhole(int worldSize) throws Exception {
    TrainingPlan whole = plan("whole", false);
    TrainingPlan shares = plan("shares", true);
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
  @CsvSource({"1, false", "2, false", "3, false", "2, true", "3, true"})
  void runThatFailsAfterEachOfItsStepsEndsInTheSameBits(int worldSize, boolean sharded)
      throws Exception {
    TrainingPlan calm = plan("calm", sharded);
    TrainingPlan plan = plan("failing", sharded);

    for (int i = 0; i < plan.stages().size(); i++) {
      List<Double> undisturbed = session(calm.atStage(i), worldSize, UNDISTURBED);
      assertThat(undisturbed).hasSize(STEPS);
      for (int step = 1; step <= STEPS; step++) {
        // The session before failed one step earlier, before that step's checkpoint, if it was due.
        int resumedAt = (step - 2) / 2 * 2;
        assertThat(session(plan.atStage(i), worldSize, step))
            .as("stage %d, failure after step %d", i + 1, step)
            .isEqualTo(undisturbed.subList(resumedAt, step));
      }
      assertThat(session(plan.atStage(i), worldSize, UNDISTURBED))
          .isEqualTo(undisturbed.subList(STEPS - 2, STEPS));
      assertThat(end(plan.atStage(i))).isEqualTo(end(calm.atStage(i)));
    }
  }

  /**
   * Trains the plan's stage from its newest checkpoint until each rank fails after a step, or to
   * its end; returns the losses of the steps that were made, which are the same on all ranks.
   */
  private static List<Double> session(TrainingPlan plan, int worldSize, long failAfter)
      throws Exception {
    List<List<Double>> ofRanks =
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
              return recorder.losses();
            });
    assertThat(ofRanks).as("losses of each rank").containsOnly(ofRanks.get(0));
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

    TrainingPlan plan = plan("interrupted", 0, List.of());
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
}
