package io.sparkhawk.driver.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.GradientType;
import io.sparkhawk.executor.train.ParallelSettings;
import io.sparkhawk.executor.train.StageSizes;
import java.nio.file.Path;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StepModelTest {

  private static final Path EXAMPLES = Path.of("../deploy/examples");

  private static StepModel model(int stage) {
    RunConfig config = ConfigReader.ofFile(EXAMPLES.resolve("phi-1.5.yaml")).read(RunConfig.class);
    PhiConfig teacher = PhiConfig.read(EXAMPLES.resolve("phi-1_5"));
    StageSizes sizes =
        new StageSizes(
            teacher, StudentConfig.of(teacher, config.student()), config.stages().get(stage), 2048);
    PassTime passes = PassTime.of(sizes, Gpu.H100, ElementType.BFLOAT16, OptionalDouble.empty());
    return new StepModel(sizes, passes, ParallelSettings.DEFAULT, Gpu.H100.link());
  }

  /** Elements that rank 0 sends when a ring really passes shares on, one step after another. */
  private static long sentInRing(int elements, int ranks) {
    boolean[][] has = new boolean[ranks][ranks]; // rank, share: whether its sum is complete here
    long sent = 0;
    for (int step = 0; step < ranks - 1; step++) {
      sent += elements / ranks; // rank r sends share r - step, which its neighbour adds to
      for (int rank = 0; rank < ranks; rank++) {
        has[(rank + 1) % ranks][Math.floorMod(rank - step, ranks)] = step == ranks - 2;
      }
    }
    for (int rank = 0; rank < ranks; rank++) {
      assertThat(has[rank][(rank + 1) % ranks]).isTrue(); // each rank ends with one share
    }
    return sent;
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 6})
  void bytesAreThoseThatARingPassesOn(int gpus) {
    int elements = 1200;
    double half = (double) sentInRing(elements, gpus);

    Traffic whole = Traffic.of(elements, 3, gpus, false, GradientType.FLOAT32);
    assertThat(whole.gradientBytes()).isCloseTo(2 * 4 * half, within(1e-6));
    assertThat(whole.weightBytes()).isZero();
    Traffic shares = Traffic.of(elements, 3, gpus, true, GradientType.FLOAT32);
    assertThat(shares.gradientBytes()).isCloseTo(4 * half, within(1e-6));
    assertThat(shares.weightBytes()).isCloseTo(2 * half, within(1e-6));
    Traffic rounded = Traffic.of(elements, 3, gpus, true, GradientType.BFLOAT16);
    assertThat(rounded.gradientBytes()).isCloseTo(2 * half, within(1e-6));
  }

  @Test
  void oneGpuExchangesNothing() {
    StepModel.Step step = model(2).step(1, 8, 8, Link.NVLINK_4);
    assertThat(step.exposed() + step.disturbed()).isZero();
    assertThat(model(2).traffic(1).bytes()).isZero();
  }

  @ParameterizedTest
  @CsvSource({"2, 16, NET_400G", "2, 64, NET_400G", "2, 512, NET_25G", "0, 64, NET_25G"})
  void exchangeHidesFromTheSmallestPassThatIsLongEnough(int stage, int gpus, Link link) {
    StepModel model = model(stage);
    int sequences = model.hidesFrom(gpus, link);
    // The gradient that comes last is never hidden; the rest is, from that number on.
    double enough = model.step(gpus, sequences, sequences, link).exposed();
    assertThat(model.step(gpus, 2 * sequences, 2 * sequences, link).exposed())
        .isCloseTo(enough, within(1e-12));
    assertThat(model.step(gpus, sequences - 1, sequences - 1, link).exposed())
        .isGreaterThan(enough);
  }

  @ParameterizedTest
  @CsvSource({"2, 16, NET_400G", "2, 64, NET_25G", "1, 8, NVLINK_4"})
  void nineteenTwentiethsAreReachedFromThatBatchOn(int stage, int gpus, Link link) {
    StepModel model = model(stage);
    int micro = 8;
    int sequences = model.nearlyAllFrom(gpus, micro, link);
    assertThat(model.efficiency(gpus, sequences, Math.min(micro, sequences), link))
        .isGreaterThanOrEqualTo(0.95);
    int fewer = sequences > micro ? sequences - micro : sequences - 1;
    assertThat(model.efficiency(gpus, fewer, Math.min(micro, fewer), link)).isLessThan(0.95);
  }

  @Test
  void moreMicroBatchesWaitNoLonger() {
    StepModel model = model(2);
    assertThat(model.step(16, 64, 8, Link.NET_25G).exposed())
        .isEqualTo(model.step(16, 8, 8, Link.NET_25G).exposed());
    assertThat(model.step(16, 64, 8, Link.NET_25G).passes())
        .isCloseTo(8 * model.step(16, 8, 8, Link.NET_25G).passes(), within(1e-9));
  }

  @Test
  void passesBetweenMeasuredOnesLieBetweenThem() {
    StepModel model = model(2);
    double before = 0;
    for (int sequences = 1; sequences < 40; sequences++) {
      double seconds = model.step(1, sequences, sequences, Link.NVLINK_4).passes();
      assertThat(seconds).as(sequences + " sequences").isGreaterThan(before);
      before = seconds;
    }
  }
}
