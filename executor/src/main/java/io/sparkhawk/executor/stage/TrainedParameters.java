package io.sparkhawk.executor.stage;

import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Which weights a stage trains, segment by segment. Stages 1 and 2 have a segment for each block;
 * stage 3 has the embedding, the blocks, and final norm with head.
 */
public final class TrainedParameters {

  private TrainedParameters() {}

  /** One list per segment, in the order of the chain; lists of frozen segments are empty. */
  public static List<List<Parameter>> of(
      LanguageModel student, StageKind stage, TrainedParts parts, HiddenTarget target) {
    if (stage != StageKind.DISTILL) {
      return student.blocks().stream().map(block -> aligned(block, stage, parts, target)).toList();
    }
    boolean all = parts == TrainedParts.ALL;
    List<List<Parameter>> segments = new ArrayList<>();
    segments.add(all ? List.of(student.embedding()) : List.of());
    for (Block block : student.blocks()) {
      boolean mixer = !block.isAttention();
      segments.add(all ? block.parameters() : mixer ? block.mixer().parameters() : List.of());
    }
    segments.add(
        all
            ? List.of(
                student.finalNorm().weight(),
                student.finalNorm().bias(),
                student.head().weight(),
                student.head().bias())
            : List.of());
    return segments;
  }

  /** Of one block in stages 1 and 2; attention blocks are the teacher's and stay as they are. */
  private static List<Parameter> aligned(
      Block block, StageKind stage, TrainedParts parts, HiddenTarget target) {
    if (block.isAttention()) {
      return List.of();
    }
    List<Parameter> mixer =
        stage == StageKind.MATRIX ? block.mixer().matrixParameters() : block.mixer().parameters();
    if (parts == TrainedParts.MIXERS) {
      return mixer;
    }
    boolean reachesMlp = stage == StageKind.HIDDEN && target == HiddenTarget.BLOCK;
    return Stream.of(
            block.normParameters(),
            mixer,
            reachesMlp ? block.mlpParameters() : List.<Parameter>of())
        .flatMap(List::stream)
        .toList();
  }
}
