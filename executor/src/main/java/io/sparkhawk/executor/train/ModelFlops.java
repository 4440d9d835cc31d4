package io.sparkhawk.executor.train;

import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.MixerShape;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.StageKind;
import java.util.stream.IntStream;

/**
 * Floating-point operations of the matrix products that a stage cannot do without, for each token:
 * two for each weight of a matrix forward, two for its gradient and two for that of its input where
 * these are needed; and of causal attention, of which half of the square counts. Scans, norms and
 * what is computed twice do not count. They follow from the sizes alone.
 */
final class ModelFlops {

  private final PhiConfig teacher;
  private final StudentConfig student;
  private final MixerShape shape;
  private final int length;

  ModelFlops(PhiConfig teacher, StudentConfig student, int length) {
    this.teacher = teacher;
    this.student = student;
    this.shape = student.mixerShape();
    this.length = length;
  }

  double perToken(StageKind stage) {
    return switch (stage) {
      case MATRIX -> teacherBlocks() + mixers() * matrixOfMixer();
      case HIDDEN -> teacherBlocks() + mixers() * (4 * mixerWeights() + 2 * outputWeights());
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

  /** Blocks of the student that do not keep attention. */
  private long mixers() {
    return IntStream.range(0, student.blocks()).filter(i -> !student.isAttention(i)).count();
  }

  /** Weights of the matrices of all of the student's blocks. */
  private double studentBlocks() {
    double width = student.width();
    double mlp = 2.0 * WeightCounts.MLP_FACTOR * width * width;
    double attention = 4 * width * width;
    return student.blocks() * mlp
        + mixers() * mixerWeights()
        + (student.blocks() - mixers()) * attention;
  }

  /** Weights of the matrices of a mixer. */
  private double mixerWeights() {
    double kernel =
        shape.kind() == MixerKind.TOEPLITZ ? (double) shape.heads() * student.maxPositions() : 0;
    return (double) shape.projectionRows() * shape.width() + outputWeights() + kernel;
  }

  private double outputWeights() {
    return (double) shape.innerWidth() * shape.width();
  }

  /** B, C and A forward with their gradients; two products make the matrices, two differentiate. */
  private double matrixOfMixer() {
    double matrixRows = shape.projectionRows() - 2.0 * shape.innerWidth(); // without x and z
    return 4 * matrixRows * shape.width() + attentionProducts(4);
  }
}
