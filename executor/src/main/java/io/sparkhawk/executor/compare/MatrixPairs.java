package io.sparkhawk.executor.compare;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Makes the matrices of teacher and student as the first stage compares them: the teacher goes
 * along its chain of blocks, and each block's two matrices are on the teacher's hidden state. Those
 * of one block are in memory at a time.
 */
final class MatrixPairs {

  private final LanguageModel teacher;
  private final LanguageModel student;
  private final ChosenMatrices chosen;

  MatrixPairs(LanguageModel teacher, LanguageModel student, ChosenMatrices chosen) {
    this.teacher = teacher;
    this.student = student;
    this.chosen = chosen;
  }

  /**
   * The chosen matrices on one sequence, by block and head.
   *
   * @throws DataException if an element is not a finite number
   */
  List<MatrixPair> on(int[] ids) {
    List<MatrixPair> pairs = new ArrayList<>();
    int end = chosen.blocks().stream().mapToInt(block -> block + 1).max().orElse(0);
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray hidden = teacher.embed(teacher.manager().create(ids, new Shape(1, ids.length)));
      for (int i = 0; i < end; i++) {
        try (TensorScope inBlock = TensorScope.open()) {
          hidden = inBlock.keep(advance(i, hidden, pairs));
        }
      }
    }
    return pairs;
  }

  /** Adds the block's pairs if it is chosen, and gives the teacher's hidden state after it. */
  private NDArray advance(int i, NDArray hidden, List<MatrixPair> pairs) {
    Block block = teacher.blocks().get(i);
    if (!chosen.blocks().contains(i)) {
      return block.forward(hidden);
    }
    NDArray u = block.normalise(hidden);
    Block.MatrixAndOutput attention = block.attend(u);
    Block replaced = student.blocks().get(i);
    NDArray matrix = replaced.mixer().matrix(replaced.normalise(hidden));
    for (int head : chosen.heads()) {
      pairs.add(pair(i, head, attention.matrix(), matrix));
    }
    return block.join(hidden, u, attention.output());
  }

  /** Of matrices (1, heads, length, length). */
  private static MatrixPair pair(int block, int head, NDArray attention, NDArray matrix) {
    double[] ofTeacher = elements("teacher", block, head, attention);
    double[] ofStudent = elements("student", block, head, matrix);
    int length = (int) attention.getShape().get(3);
    double largest = Math.max(largest(ofTeacher), largest(ofStudent));
    return new MatrixPair(
        block,
        head,
        distance(ofTeacher, ofStudent),
        MatrixPicture.png(ofTeacher, length, largest),
        MatrixPicture.png(ofStudent, length, largest));
  }

  private static double[] elements(String model, int block, int head, NDArray matrices) {
    NDArray ofHead = Operators.narrow(matrices, 1, head, 1);
    double[] elements = Operators.toDoubles(Operators.contiguous(ofHead));
    if (!Arrays.stream(elements).allMatch(Double::isFinite)) {
      throw new DataException(
          "The %s's matrix of head %d in block %d has elements that are not numbers: its weights are damaged, or it overflows."
              .formatted(model, head, block));
    }
    return elements;
  }

  private static double largest(double[] elements) {
    return Arrays.stream(elements).map(Math::abs).max().orElse(0);
  }

  private static double distance(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return Math.sqrt(sum);
  }
}
