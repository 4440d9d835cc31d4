package io.sparkhawk.driver.launch;

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
import io.sparkhawk.executor.train.EvaluationSettings;
import io.sparkhawk.executor.train.ParallelSettings;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepSamples;
import io.sparkhawk.executor.train.TrainingPlan;
import java.util.List;
import java.util.Map;

/** A plan for tests that train nothing. */
final class SamplePlans {

  private static final int ROW_LENGTH = 64;

  private SamplePlans() {}

  /** Samples of a stage of 100 steps, each of that many sequences of a data set of 40 rows. */
  static StepSamples samples(int sequences) {
    long batchTokens = (long) sequences * ROW_LENGTH;
    StageSettings stage =
        new StageSettings(
            StageKind.DISTILL,
            100 * batchTokens,
            batchTokens,
            0,
            3e-3,
            0.1,
            0.1,
            0.1,
            0.9,
            0.95,
            1e-8,
            1,
            TrainedParts.ALL,
            HiddenTarget.MIXER,
            false);
    TrainingPlan plan =
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
            List.of(stage),
            0,
            new CheckpointSettings(500, 2, true),
            new EvaluationSettings(20_000, 0, 8),
            Map.of(),
            "/tmp/cache",
            1_000_000_000,
            1);
    SplitManifest rows =
        new SplitManifest(
            1,
            1,
            Map.of(),
            List.of(new ShardEntry("train-0.arrow", 40, 40 * ROW_LENGTH, 1, "0".repeat(64))));
    return StepSamples.of(
        plan,
        new DataManifest(
            DataManifest.FORMAT,
            ROW_LENGTH,
            100,
            0,
            "",
            "",
            "",
            new CorpusCounts(1, 0, 0, 0),
            List.of(),
            rows,
            new SplitManifest(0, 0, Map.of(), List.of())));
  }
}
