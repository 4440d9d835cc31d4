package io.sparkhawk.executor.compare;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.model.StudentConfig;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * Whose matrices are shown: the heads of the blocks.
 *
 * @param blocks in rising order, each with a mixer of the student's own; empty if it has none
 * @param heads in rising order
 */
record ChosenMatrices(List<Integer> blocks, List<Integer> heads) {

  /**
   * What was chosen, and the usual where nothing was.
   *
   * @throws ConfigurationException if the student has no such block or head, or the teacher's
   *     attention in that block
   */
  static ChosenMatrices of(ComparisonChoice choice, StudentConfig student) {
    List<Integer> replaced =
        IntStream.range(0, student.blocks()).filter(i -> !student.isAttention(i)).boxed().toList();
    choice.heads().forEach(head -> checkExists("head", head, student.heads()));
    for (int block : choice.blocks()) {
      checkExists("block", block, student.blocks());
      if (!replaced.contains(block)) {
        throw new ConfigurationException(
            "Block %d has no matrix to compare: the student keeps attention there. Its blocks with another mixer are %s."
                .formatted(block, replaced));
      }
    }
    return new ChosenMatrices(
        choice.blocks().isEmpty() ? firstMiddleLast(replaced) : rising(choice.blocks()),
        rising(choice.heads().isEmpty() ? List.of(0, student.heads() / 2) : choice.heads()));
  }

  private static void checkExists(String what, int number, int count) {
    if (number < 0 || number >= count) {
      throw new ConfigurationException(
          "There is no %s %d to compare: the models have %ss 0 to %d."
              .formatted(what, number, what, count - 1));
    }
  }

  private static List<Integer> firstMiddleLast(List<Integer> blocks) {
    int count = blocks.size();
    return count < 3
        ? blocks
        : List.of(blocks.get(0), blocks.get(count / 2), blocks.get(count - 1));
  }

  private static List<Integer> rising(List<Integer> numbers) {
    return List.copyOf(new TreeSet<>(numbers));
  }
}
