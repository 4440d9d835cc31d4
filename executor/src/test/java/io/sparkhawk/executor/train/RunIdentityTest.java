package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunIdentityTest {

  private static final int ROWS = 40;
  private static final long ALL_TOKENS = (long) ROWS * TinyDataSet.ROW_LENGTH;

  private static final StudentSettings STUDENT =
      new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, List.of());

  private static final StageSettings STAGE =
      new StageSettings(
          StageKind.MATRIX,
          960,
          96,
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

  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    TinyDataSet.write(folder.resolve("data"), ROWS, 2, 1);
    Files.createDirectories(folder.resolve("teacher"));
  }

  private String configuration(long shuffleBlock) {
    TrainingPlan plan =
        new TrainingPlan(
            "run",
            folder.resolve("run").toString(),
            "teacher",
            folder.resolve("data").toString(),
            3,
            shuffleBlock,
            DeviceKind.CPU,
            ElementType.FLOAT32,
            ParallelSettings.DEFAULT,
            STUDENT,
            List.of(STAGE),
            0,
            new CheckpointSettings(2, 2, true),
            new EvaluationSettings(0, 0, 2),
            Map.of(),
            folder.resolve("cache").toString(),
            1_000_000_000,
            1);
    return RunIdentity.of(plan, new Configuration(), folder.resolve("teacher")).configuration();
  }

  @Test
  void runWithAnotherShuffleBlockIsAnotherRun() {
    assertThat(configuration(ALL_TOKENS / 2)).isNotEqualTo(configuration(ALL_TOKENS));
    assertThat(configuration(ALL_TOKENS / 2)).isNotEqualTo(configuration(ALL_TOKENS / 3));
  }

  @Test
  void anyBlockThatHoldsTheWholeDataSetIsTheSameRun() {
    assertThat(configuration(ALL_TOKENS)).isEqualTo(configuration(1_000_000_000));
  }

  @Test
  void checkpointsFromBeforeTheSettingStayValid() {
    String settings = "3|FLOAT32|" + STUDENT + "|" + List.of(STAGE);
    assertThat(configuration(1_000_000_000))
        .isEqualTo(Checksum.of(settings.getBytes(StandardCharsets.UTF_8)));
  }
}
