package io.sparkhawk.executor.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ChosenMatricesTest {

  private static StudentConfig student(int blocks, List<Integer> attentionBlocks) {
    return StudentConfig.of(
        new PhiConfig(60, blocks, 5, 240, 96, 6, 10_000, 1e-5, 64, false),
        new StudentSettings(MixerKind.MAMBA2, false, 8, 4, 1, 16, attentionBlocks));
  }

  private static ChosenMatrices chosen(
      List<Integer> blocks, List<Integer> heads, StudentConfig student) {
    return ChosenMatrices.of(new ComparisonChoice(blocks, heads, "", List.of(), 64, 40), student);
  }

  private static ChosenMatrices usual(StudentConfig student) {
    return ChosenMatrices.of(ComparisonChoice.usual(), student);
  }

  @Test
  void usuallyTheFirstTheMiddleAndTheLastOfTheReplacedBlocksAreShown() {
    assertThat(usual(student(7, List.of())))
        .isEqualTo(new ChosenMatrices(List.of(0, 3, 6), List.of(0, 2)));
    assertThat(usual(student(7, List.of(0, 3, 6))).blocks()).containsExactly(1, 4, 5);
    assertThat(usual(student(3, List.of(1))).blocks()).containsExactly(0, 2);
    assertThat(usual(student(1, List.of())).blocks()).containsExactly(0);
  }

  @Test
  void aStudentThatKeepsAllAttentionHasNoMatricesToShow() {
    List<Integer> all = IntStream.range(0, 4).boxed().toList();
    assertThat(usual(student(4, all)).blocks()).isEmpty();
  }

  @Test
  void whatIsChosenIsShownOnceInRisingOrder() {
    assertThat(chosen(List.of(5, 1, 5), List.of(4, 0), student(7, List.of(3))))
        .isEqualTo(new ChosenMatrices(List.of(1, 5), List.of(0, 4)));
  }

  @Test
  void blocksAndHeadsThatDoNotExistAreRefusedWithTheirRange() {
    StudentConfig student = student(7, List.of(3));
    for (int block : new int[] {-1, 7}) {
      assertThatThrownBy(() -> chosen(List.of(1, block), List.of(), student))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContainingAll("no block " + block, "blocks 0 to 6");
    }
    for (int head : new int[] {-1, 5}) {
      assertThatThrownBy(() -> chosen(List.of(), List.of(head), student))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContainingAll("no head " + head, "heads 0 to 4");
    }
  }

  @Test
  void aBlockThatKeepsItsAttentionIsRefusedWithThoseThatDoNot() {
    assertThatThrownBy(() -> chosen(List.of(3), List.of(), student(5, List.of(1, 3))))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("Block 3", "keeps attention", "[0, 2, 4]");
  }
}
