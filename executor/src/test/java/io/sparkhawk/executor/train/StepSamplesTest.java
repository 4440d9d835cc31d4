package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StepSamplesTest {

  private static final int ROW_LENGTH = 16;

  @Test
  void stepThatIsAnEpochNamesEveryRowOfEveryShardOnce() {
    StepSamples samples = samples(8, 5, 3);
    assertThat(samples.describe(1))
        .isEqualTo(
            "global samples 8 to 15: train-0.arrow rows 0, 1, 2, 3, 4; train-1.arrow rows 0, 1, 2");
  }

  @Test
  void laterStageGoesOnAfterTheSamplesOfTheOneBefore() {
    StepSamples samples = StepSamples.of(plan(2).atStage(1), data(5, 3));
    assertThat(samples.describe(0)).startsWith("global samples 20 to 21: ");
  }

  @Test
  void ofLargeBatchesTheFirstRowsAreNamed() {
    assertThat(samples(100, 1000).describe(0))
        .startsWith("global samples 0 to 99: train-0.arrow rows ")
        .endsWith("(the rows of the first 64 samples)");
  }

  @Test
  void batchFitsItsDivisors() {
    StepSamples samples = samples(12, 40);
    assertThat(List.of(1, 2, 3, 4, 6, 12)).allMatch(samples::fits);
    assertThat(List.of(5, 7, 8, 24)).noneMatch(samples::fits);
  }

  private static StepSamples samples(int sequences, int... shardRows) {
    return StepSamples.of(plan(sequences), data(shardRows));
  }

  private static TrainingPlan plan(int sequences) {
    return new TrainingPlan(
        "tiny",
        "/runs/tiny",
        "/teacher",
        "/data",
        1,
        1_000_000_000,
        DeviceKind.CPU,
        ElementType.FLOAT32,
        ParallelSettings.DEFAULT,
        new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, List.of()),
        List.of(stage(StageKind.HIDDEN, sequences), stage(StageKind.DISTILL, sequences)),
        0,
        new CheckpointSettings(2, 2, true),
        new EvaluationSettings(0, 0, 2),
        Map.of(),
        "/tmp/cache",
        1_000_000_000,
        1);
  }

  /** A stage of 10 steps. */
  private static StageSettings stage(StageKind kind, int sequences) {
    long batchTokens = (long) sequences * ROW_LENGTH;
    return new StageSettings(
        kind,
        10 * batchTokens,
        batchTokens,
        0,
        2e-3,
        0.2,
        0.2,
        0.1,
        0.9,
        0.95,
        1e-8,
        1,
        TrainedParts.MIXERS,
        HiddenTarget.MIXER,
        false);
  }

  private static DataManifest data(int... shardRows) {
    List<ShardEntry> shards = new ArrayList<>();
    for (int rows : shardRows) {
      shards.add(
          new ShardEntry(
              "train-" + shards.size() + ".arrow",
              rows,
              (long) rows * ROW_LENGTH,
              1,
              "0".repeat(64)));
    }
    SplitManifest split = new SplitManifest(1, 1, Map.of(), shards);
    return new DataManifest(
        DataManifest.FORMAT,
        ROW_LENGTH,
        100,
        0,
        "",
        "",
        "",
        new CorpusCounts(1, 0, 0, 0),
        List.of(),
        split,
        new SplitManifest(0, 0, Map.of(), List.of()));
  }
}
