package io.sparkhawk.driver.plan;

import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StageSizes;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What this project has measured on one H100 at the sizes of Phi-1.5 in bfloat16 (docs/gpu.md and
 * deploy/benchmark/results/nvidia-h100-80gb-hbm3.json).
 */
final class Measurements {

  static final Gpu CARD = Gpu.H100;
  static final int LENGTH = 2048;

  private static final PhiConfig TEACHER =
      new PhiConfig(2048, 24, 32, 8192, 51200, 32, 10000, 1e-5, 2048, false);

  private static final StudentConfig STUDENT =
      StudentConfig.of(
          TEACHER, new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 128, List.of()));

  /**
   * Of one stage.
   *
   * @param batch sequences of an update
   */
  record Entry(StageKind stage, boolean recompute, int batch, double tokensPerSecond) {}

  private static final List<Entry> ENTRIES =
      List.of(
          new Entry(StageKind.MATRIX, false, 4, 59_194),
          new Entry(StageKind.MATRIX, false, 8, 64_747),
          new Entry(StageKind.MATRIX, false, 16, 67_052),
          new Entry(StageKind.HIDDEN, false, 4, 70_199),
          new Entry(StageKind.HIDDEN, false, 8, 82_372),
          new Entry(StageKind.HIDDEN, false, 16, 83_159),
          new Entry(StageKind.DISTILL, false, 4, 37_346),
          new Entry(StageKind.DISTILL, false, 8, 41_924),
          new Entry(StageKind.DISTILL, false, 12, 40_833),
          new Entry(StageKind.DISTILL, true, 8, 32_977));

  private Measurements() {}

  static List<Entry> all() {
    return ENTRIES;
  }

  /** Whether the models, the stage and the GPU are those that were measured. */
  static boolean cover(StageSizes sizes, Gpu gpu, ElementType type) {
    StageSettings stage = sizes.stage();
    TrainedParts parts = stage.name() == StageKind.DISTILL ? TrainedParts.ALL : TrainedParts.MIXERS;
    return gpu == CARD
        && type == ElementType.BFLOAT16
        && sizes.length() == LENGTH
        && sizes.teacher().equals(TEACHER)
        && sizes.student().withChunkSize(STUDENT.chunkSize()).equals(STUDENT)
        && stage.train() == parts
        && !of(stage).isEmpty();
  }

  /** Seconds of an update by its sequences, of a stage. */
  static NavigableMap<Integer, Double> of(StageSettings stage) {
    NavigableMap<Integer, Double> seconds = new TreeMap<>();
    for (Entry entry : ENTRIES) {
      if (entry.stage == stage.name() && entry.recompute == stage.recompute()) {
        seconds.put(entry.batch, entry.batch * LENGTH / entry.tokensPerSecond);
      }
    }
    return seconds;
  }

  /**
   * The utilisation that was measured with batch 8, for what was not measured: the operations of
   * the matrix products over what the card could do in the time of an update.
   */
  static double utilisation(StageSettings stage) {
    double once =
        switch (stage.name()) {
          case MATRIX -> 0.25;
          case HIDDEN -> 0.40;
          case DISTILL -> 0.48;
        };
    boolean twice = stage.recompute() && stage.name() == StageKind.DISTILL;
    return twice ? 0.38 : once;
  }
}
