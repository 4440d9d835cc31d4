package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.executor.stage.StageKind;
import java.util.List;
import org.junit.jupiter.api.Test;

class StageFiguresTest {

  private static final Evaluation UNTRAINED = new Evaluation(90, 512, List.of(), List.of());

  @Test
  void whatWasSentIsCountedOverAResume() {
    StageFigures first = StageFigures.start(10, UNTRAINED);
    first.sent(300);
    first.sent(200);

    StageFigures second = StageFigures.resume(10, 0, first.toMetrics());
    second.sent(50);

    assertThat(second.sentBytes()).isEqualTo(550);
    StageResult result = second.result(StageKind.DISTILL, 1, UNTRAINED, 540);
    assertThat(result.sentBytes()).as("the mean of the ranks").isEqualTo(540);
  }
}
