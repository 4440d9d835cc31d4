package io.sparkhawk.executor.train;

import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.stage.StageKind;
import java.util.List;

/**
 * Floating-point operations of the matrix products that a stage cannot do without, for each token:
 * two for each weight of a matrix forward, two for its gradient and two for that of its input where
 * these are needed; and of causal attention, of which half of the square counts. Scans, norms and
 * what is computed twice do not count.
 */
final class ModelFlops {

  private final PhiConfig teacher;
  private final LanguageModel student;
  private final int length;

  ModelFlops(PhiConfig teacher, LanguageModel student, int length) {
    this.teacher = teacher;
    this.student = student;
    this.length = length;
  }

  double perToken(StageKind stage) {
    return switch (stage) {
      case MATRIX -> teacherBlocks() + matrices();
      case HIDDEN -> teacherBlocks() + mixers();
      case DISTILL -> teacherBlocks() + 2 * head() + 6 * (studentBlocks() + head());
    };
  }

  private double head() {
    return (double) teacher.vocabulary() * teacher.width();
  }

  private double teacherBlocks() {
    double width = teacher.width();
    double weights = 4 * width * width + 2 * width * teacher.mlpWidth();
    return teacher.blocks() * (2 * weights + attentionProducts(2));
  }

  /** Products of all positions with all before them, each in all heads. */
  private double attentionProducts(int products) {
    return products * 2.0 * (length / 2.0) * teacher.width();
  }

  private double studentBlocks() {
    return student.blocks().stream().mapToDouble(block -> matrices(block.parameters())).sum();
  }

  /** Forward, and the weights' gradients; inputs have none but that of the output projection. */
  private double mixers() {
    double width = teacher.width();
    return student.blocks().stream()
        .filter(block -> !block.isAttention())
        .mapToDouble(block -> 4 * matrices(block.mixer().parameters()) + 2 * width * width)
        .sum();
  }

  /** B, C and A forward with their gradients; two products make the matrices, two differentiate. */
  private double matrices() {
    return student.blocks().stream()
        .filter(block -> !block.isAttention())
        .mapToDouble(block -> 4 * matrixWeights(block) + attentionProducts(4))
        .sum();
  }

  /** Weights of the input projection without those of x and z. */
  private double matrixWeights(Block block) {
    double width = teacher.width();
    return matrices(block.mixer().matrixParameters()) - 2 * width * width;
  }

  private static double matrices(List<Parameter> parameters) {
    return parameters.stream()
        .filter(parameter -> parameter.shape().dimension() == 2)
        .mapToDouble(Parameter::size)
        .sum();
  }
}
