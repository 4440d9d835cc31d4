package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.train.MemoryPlan.Part;
import io.sparkhawk.executor.train.Parallelism.Transport;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryPlanTest {

  private static final double GIB = 1L << 30;

  private static final PhiConfig PHI =
      new PhiConfig(2048, 24, 32, 8192, 51200, 32, 10000, 1e-5, 2048, false);

  private static StudentConfig student(
      PhiConfig teacher, MixerKind mixer, List<Integer> attention) {
    return StudentConfig.of(teacher, new StudentSettings(mixer, false, 64, 4, 1, 128, attention));
  }

  private static MemoryPlan.Workload phi(StageKind stage, int sequences, boolean recompute) {
    return new MemoryPlan.Workload(
        PHI,
        student(PHI, MixerKind.MAMBA2, List.of()),
        stage,
        HiddenTarget.MIXER,
        stage == StageKind.DISTILL ? TrainedParts.ALL : TrainedParts.MIXERS,
        recompute,
        sequences,
        2048,
        ElementType.BFLOAT16,
        true);
  }

  @ParameterizedTest
  @EnumSource(MixerKind.class)
  void weightsAreCountedAsTheModelsHaveThem(MixerKind mixer) {
    PhiConfig sizes = new PhiConfig(36, 3, 4, 144, 50, 4, 10000, 1e-5, 20, false);
    StudentConfig config = student(sizes, mixer, List.of(1));
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.randomTeacher(sizes, Device.cpu(), ElementType.FLOAT32);
        LanguageModel student = Models.newStudent(teacher, config, 1, false)) {
      assertThat(WeightCounts.of(sizes)).isEqualTo(elements(teacher));
      assertThat(WeightCounts.of(config)).isEqualTo(elements(student));
      for (StageKind stage : StageKind.values()) {
        for (TrainedParts parts : TrainedParts.values()) {
          for (HiddenTarget target : HiddenTarget.values()) {
            assertThat(WeightCounts.trained(config, stage, parts, target))
                .as("%s %s %s", stage, parts, target)
                .isEqualTo(
                    FlatLayout.of(TrainedParameters.of(student, stage, parts, target)).size());
          }
        }
      }
    }
  }

  @Test
  void tiedHeadIsCountedOnce() {
    PhiConfig sizes = new PhiConfig(32, 2, 4, 128, 50, 4, 10000, 1e-5, 20, true);
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher = Models.randomTeacher(sizes, Device.cpu(), ElementType.FLOAT32)) {
      assertThat(WeightCounts.of(sizes)).isEqualTo(elements(teacher));
    }
  }

  private static long elements(LanguageModel model) {
    return model.parameters().stream().mapToLong(Parameter::size).sum();
  }

  @ParameterizedTest(name = "stage {0}, {1} sequences")
  @CsvSource({"DISTILL, 8, 50.8", "DISTILL, 4, 39.9", "HIDDEN, 8, 18.6", "MATRIX, 8, 16.3"})
  void predictionIsWithinATenthOfWhatAnH100Needed(StageKind stage, int sequences, double gib) {
    assertThat(MemoryPlan.of(phi(stage, sequences, false)).total() / GIB)
        .isCloseTo(gib, Percentage.withPercentage(10));
  }

  @Test
  void blockKeepsWhatItsPassesHoldByHand() {
    // 8 x 2048 positions; bfloat16 but for the norm's mean and deviation.
    long rows = 8 * 2048;
    long norm = rows * 2048 * 2 + rows * 2 * 4;
    long projected = rows * (2048 + 2048 + 2048 + 2048 + 32) * 2;
    long states = 8L * 32 * 32 * 64 * 64 * 2; // sequences, heads, chunks, state size, head size
    long mixed = rows * 2048 * 2;
    long inner = rows * 8192 * 2;

    assertThat(new PassBytes(phi(StageKind.DISTILL, 8, false)).keptInBlock(false))
        .isEqualTo(norm + projected + states + mixed + inner);
  }

  @Test
  void recordedBlockKeepsWhatDerivativesOfOperatorsNeed() {
    // One sequence of 128 positions, width 32, 4 heads of 8, state size 64, chunks of 64, float32.
    PhiConfig sizes = new PhiConfig(32, 1, 4, 128, 50, 4, 10000, 1e-5, 128, false);
    StudentSettings chunksOf64 =
        new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 64, List.of());
    PassBytes passes =
        new PassBytes(
            new MemoryPlan.Workload(
                sizes,
                StudentConfig.of(sizes, chunksOf64),
                StageKind.DISTILL,
                HiddenTarget.MIXER,
                TrainedParts.ALL,
                false,
                1,
                128,
                ElementType.FLOAT32,
                false));
    long norm = 32 + 2;
    long mlp = 4 * 128 + 32; // fc1's output, two factors of GELU, its output, fc2's output
    long channels = 32 + 2 * 4 * 64; // of x, B and C: padded and convolved
    long projected = channels + 32 + 4;
    long within = 4 * 64 * 3 + 2 * 4 * 64 + 32; // scores, decays, their product; C and B, x
    long across = 2 * 4 * 64 + 32; // B and C times their decays, x
    long outside = 2 * channels + projected + 4 * 32 + 32; // sum, gate's two, product, result
    long states = 2 * 2 * 4 * 64 * 8; // one by one and joined, of two chunks

    assertThat(passes.keptInBlock(false))
        .isEqualTo(4 * (128 * (norm + mlp + within + across + outside) + states));
  }

  @Test
  void recomputingKeepsHiddenStatesAlone() {
    // Of both models: the inputs of 24 blocks and the last output; and the teacher's normalised.
    assertThat(MemoryPlan.of(phi(StageKind.DISTILL, 8, true)).bytes().get(Part.ACTIVATIONS))
        .isEqualTo((2 * 25 + 1) * 8L * 2048 * 2048 * 2);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8})
  void trainedWeightsTakeSixteenBytesBesideThoseToComputeWith(int sequences) {
    MemoryPlan plan = MemoryPlan.of(phi(StageKind.DISTILL, sequences, false));
    long state =
        plan.bytes().get(Part.MASTER)
            + plan.bytes().get(Part.GRADIENTS)
            + plan.bytes().get(Part.MOMENTS);

    assertThat((double) state / plan.bytes().get(Part.STUDENT)).isCloseTo(8, within(1e-6));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4, 8})
  void shardingLeavesOfTwelveBytesAWeightOneShare(int gpus) {
    MemoryPlan.Workload alone = phi(StageKind.DISTILL, 8, false);
    MemoryPlan whole = MemoryPlan.of(alone);
    MemoryPlan share =
        MemoryPlan.of(alone.with(new Parallelism(Transport.NCCL, gpus, GradientType.FLOAT32)));

    long state = whole.bytes().get(Part.MASTER) + whole.bytes().get(Part.MOMENTS);
    assertThat(share.bytes().get(Part.MASTER) + share.bytes().get(Part.MOMENTS))
        .isBetween(state / gpus, state / gpus + 12);
    assertThat(share.bytes().get(Part.GRADIENTS)).isEqualTo(whole.bytes().get(Part.GRADIENTS));
    assertThat(share.bytes().get(Part.STUDENT)).isEqualTo(whole.bytes().get(Part.STUDENT));
  }

  @ParameterizedTest
  @EnumSource(names = {"NONE", "NCCL"})
  void gradientsInBfloat16TakeTwoBytesAWeight(Transport transport) {
    MemoryPlan.Workload wide = phi(StageKind.DISTILL, 8, false);
    MemoryPlan rounded =
        MemoryPlan.of(wide.with(new Parallelism(transport, 1, GradientType.BFLOAT16)));

    assertThat(rounded.bytes().get(Part.GRADIENTS))
        .isEqualTo(MemoryPlan.of(wide).bytes().get(Part.GRADIENTS) / 2)
        .isEqualTo(rounded.bytes().get(Part.STUDENT));
    assertThat(rounded.bytes().get(Part.MOMENTS))
        .isEqualTo(MemoryPlan.of(wide).bytes().get(Part.MOMENTS));
  }

  @Test
  void gradientsOfMatricesAreComputedWhereBfloat16OnesAreKept() {
    MemoryPlan.Workload wide = phi(StageKind.DISTILL, 8, false);
    long products = (2048L * (8224 + 2048) + 2 * 2048 * 8192) * 2; // of a mixer and of an MLP

    assertThat(
            new PassBytes(wide.with(new Parallelism(Transport.NONE, 1, GradientType.BFLOAT16)))
                .block())
        .isEqualTo(new PassBytes(wide).block() - products);
  }

  @Test
  void float32NeedsNoMasterWeights() {
    MemoryPlan.Workload half = phi(StageKind.DISTILL, 1, false);
    MemoryPlan plan =
        MemoryPlan.of(
            new MemoryPlan.Workload(
                half.teacher(),
                half.student(),
                half.stage(),
                half.target(),
                half.parts(),
                false,
                1,
                2048,
                ElementType.FLOAT32,
                false));

    assertThat(plan.bytes()).doesNotContainKey(Part.MASTER);
  }

  @Test
  void workThatCannotFitIsRefusedWithSettingsThatFit() {
    MemoryPlan.Workload large = phi(StageKind.DISTILL, 24, false);
    long available = 79L << 30;

    assertThatThrownBy(() -> MemoryPlan.fitting(large, available))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("stage distill needs 91.7 GiB")
        .hasMessageContaining("24 x 2048 tokens in bfloat16")
        .hasMessageContaining("only 79.0 GiB are there")
        .hasMessageContaining("micro-batches of 18")
        .hasMessageContaining("recompute");
    assertThatCode(() -> MemoryPlan.fitting(phi(StageKind.DISTILL, 18, false), available))
        .doesNotThrowAnyException();
    assertThatCode(() -> MemoryPlan.fitting(phi(StageKind.DISTILL, 24, true), available))
        .doesNotThrowAnyException();
  }

  @Test
  void refusalSaysWhenNoSettingHelps() {
    assertThatThrownBy(() -> MemoryPlan.fitting(phi(StageKind.DISTILL, 2, false), 20L << 30))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("not even one sequence fits");
  }
}
