package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.executor.evaluate.Outcome;
import io.sparkhawk.executor.evaluate.TaskKind;
import io.sparkhawk.executor.evaluate.TaskOutcomes;
import io.sparkhawk.executor.evaluate.TaskResults;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.LossProfile;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EvaluationTableTest {

  private static Outcome outcome(boolean correct, boolean normalised, boolean truncated) {
    return new Outcome(correct, normalised, normalised, -1, truncated);
  }

  private static final List<Outcome> HALF =
      List.of(outcome(true, true, true), outcome(false, true, false));
  private static final List<Outcome> ALL =
      List.of(outcome(true, false, true), outcome(true, true, false));

  private static Evaluation perplexity(double value) {
    return new Evaluation(value, 1000, List.of(), List.of());
  }

  @Test
  void twoModelsStandSideBySideWithTheirDifference() {
    TaskResults tasks =
        new TaskResults(
            64,
            List.of(
                new TaskOutcomes("fruit", TaskKind.MULTIPLE_CHOICE, List.of(HALF, ALL)),
                new TaskOutcomes("blanks", TaskKind.PARTIAL, List.of(ALL, ALL))));

    EvaluationTable table =
        EvaluationTable.of(
            List.of("teacher", "student"),
            List.of(perplexity(10), perplexity(12.5)),
            Optional.of(tasks));

    assertThat(table.lines())
        .containsExactly(
            "A: teacher",
            "B: student",
            "task           metric      n             A                B                B - A",
            "fruit          acc         2 examples    0.5000 (0.5000)  1.0000 (0.0000)  +0.5000 (0.5000)",
            "fruit          acc_norm    2 examples    1.0000 (0.0000)  0.5000 (0.5000)  -0.5000 (0.5000)",
            "fruit          acc_bytes   2 examples    1.0000 (0.0000)  0.5000 (0.5000)  -0.5000 (0.5000)",
            "blanks         acc         2 examples    1.0000 (0.0000)  1.0000 (0.0000)  +0.0000 (0.0000)",
            "average        acc         2 tasks       0.7500 (0.2500)  1.0000 (0.0000)  +0.2500 (0.2500)",
            "average        acc_norm    2 tasks       1.0000 (0.0000)  0.7500 (0.2500)  -0.2500 (0.2500)",
            "held-out rows  perplexity  1,000 tokens  10.0000          12.5000          +2.5000",
            "Standard errors in brackets; that of B - A is of the differences example by example.",
            "fruit: 1 of 2 examples were longer than 64 tokens and lost their beginning.",
            "blanks: 1 of 2 examples were longer than 64 tokens and lost their beginning.");
  }

  @Test
  void aPerplexityAloneNeedsNoTasks() {
    EvaluationTable table =
        EvaluationTable.of(List.of("m"), List.of(perplexity(10)), Optional.empty());

    assertThat(table.lines())
        .containsExactly(
            "A: m",
            "task           metric      n             A",
            "held-out rows  perplexity  1,000 tokens  10.0000");
    assertThat(JsonFormat.line(table.results()))
        .contains("\"models\":[{\"value\":10.0,\"standard_error\":null}],\"difference\":[]");
  }

  @Test
  void perplexitiesAreToldBySourceWhereThereAreSeveral() {
    EvaluationTable table =
        EvaluationTable.of(
            List.of("teacher", "student"),
            List.of(profiled(10, 8, 12), profiled(20, 16, 30)),
            Optional.empty());

    assertThat(table.lines())
        .containsExactly(
            "A: teacher",
            "B: student",
            "task           metric      n             A        B        B - A",
            "held-out rows  perplexity  1,000 tokens  10.0000  20.0000  +10.0000",
            "of book        perplexity  600 tokens    8.0000   16.0000  +8.0000",
            "of manual      perplexity  380 tokens    12.0000  30.0000  +18.0000");
    assertThat(JsonFormat.line(table.results()))
        .contains("{\"first\":2,\"last\":64,\"loss\":2.5,\"tokens\":980}");
  }

  private static Evaluation profiled(double all, double book, double manual) {
    return new Evaluation(
        all,
        1000,
        List.of(),
        List.of(),
        new LossProfile(
            List.of(new LossProfile.ByPosition(2, 64, 2.5, 980)),
            List.of(
                new LossProfile.BySource("book", Math.log(book), 600),
                new LossProfile.BySource("manual", Math.log(manual), 380))));
  }
}
