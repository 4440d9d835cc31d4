package io.sparkhawk.executor.train;

import io.sparkhawk.executor.model.LanguageModel;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The losses of a step as people read them.
 *
 * @param mean over the trained blocks, or of the whole model
 * @param blocks one for each block, NaN where attention is kept; empty where the loss is the whole
 *     model's
 */
record StageLosses(double mean, List<Double> blocks) {

  static StageLosses of(LanguageModel student, List<Double> losses) {
    if (losses.size() == 1 && student.blocks().size() != 1) {
      return new StageLosses(losses.get(0), List.of());
    }
    List<Double> blocks =
        IntStream.range(0, losses.size())
            .mapToObj(i -> student.blocks().get(i).isAttention() ? Double.NaN : losses.get(i))
            .toList();
    double mean =
        IntStream.range(0, losses.size())
            .filter(i -> !student.blocks().get(i).isAttention())
            .mapToDouble(losses::get)
            .average()
            .orElse(Double.NaN);
    return new StageLosses(mean, blocks);
  }
}
