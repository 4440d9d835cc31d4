package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.cli.ScalingBenchmark.Result;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A training is the same with any number of executor processes, and the ring sends what it must.
 */
@Timeout(300)
class ScalingTest {

  private static final Path QUICKSTART = Path.of("../deploy/quickstart");
  private static final double LOSS_TOLERANCE = 1e-4;

  /** Of what is sent: heads of frames, figures of the steps, and agreement on checkpoints. */
  private static final double OVERHEAD = 0.01;

  @TempDir private Path folder;

  @Test
  void moreProcessesGiveTheSameLossesAndSendWhatTheRingPredicts() {
    ScalingBenchmark benchmark = new ScalingBenchmark(QUICKSTART, folder);
    Result alone = benchmark.measure(1, List.of(false)).get(0);
    List<Result> shared = new ArrayList<>(benchmark.measure(2, List.of(false)));
    shared.addAll(benchmark.measure(4, List.of(false, true)));

    assertThat(alone.sentBytes()).isZero();
    assertThat(alone.losses()).hasSize(4).doesNotHaveDuplicates();
    for (Result result : shared) {
      assertThat(result.losses()).as("%s", result).hasSameSizeAs(alone.losses());
      assertThat(result.difference(alone)).as("%s", result).isLessThan(LOSS_TOLERANCE);
      assertThat(result.parameters()).isEqualTo(alone.parameters()).isGreaterThan(100_000);
      assertThat(result.sentBytes())
          .as("%s", result)
          .isBetween(result.predictedBytes(), result.predictedBytes() * (1 + OVERHEAD));
    }
  }
}
