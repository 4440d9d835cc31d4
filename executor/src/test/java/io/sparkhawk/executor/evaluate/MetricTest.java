package io.sparkhawk.executor.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MetricTest {

  private static Example example(int gold, String... choices) {
    List<Request> requests =
        List.of(choices).stream().map(choice -> new Request("c", " " + choice)).toList();
    return new Example("Line 1 of a", requests, gold, List.of(choices));
  }

  private static Outcome outcome(Example example, double... logLikelihoods) {
    List<Score> scores =
        IntStream.range(0, logLikelihoods.length)
            .mapToObj(i -> new Score(logLikelihoods[i], false))
            .toList();
    return Outcome.of(TaskKind.MULTIPLE_CHOICE, example, scores, false);
  }

  private static Outcome single(boolean correct, double logLikelihood) {
    return new Outcome(correct, correct, correct, logLikelihood, false);
  }

  @Test
  void lengthDecidesWhichChoiceIsBest() {
    // Per choice: -6, -7; by characters -6/2 and -7/4; by bytes -6/4 and -7/4.
    Outcome first = outcome(example(0, "\u00e4\u00f6", "abcd"), -6, -7);
    assertThat(first.correct()).isTrue();
    assertThat(first.correctByCharacters()).isFalse();
    assertThat(first.correctByBytes()).isTrue();
    assertThat(first.logLikelihood()).isEqualTo(-6);
  }

  @Test
  void ofEqualScoresTheFirstCounts() {
    assertThat(outcome(example(0, "ab", "cd"), -3, -3).correct()).isTrue();
    assertThat(outcome(example(1, "ab", "cd"), -3, -3).correct()).isFalse();
  }

  @Test
  void aLastWordIsRightIfItIsGreedy() {
    Example word = example(0, "word");
    assertThat(Outcome.of(TaskKind.LAST_WORD, word, List.of(new Score(-9, true)), false))
        .isEqualTo(single(true, -9));
    assertThat(Outcome.of(TaskKind.LAST_WORD, word, List.of(new Score(-1, false)), true).correct())
        .isFalse();
  }

  @Test
  void theStandardErrorOfAnAccuracyIsThatOfTheHarness() {
    List<Outcome> outcomes =
        List.of(single(true, 0), single(true, 0), single(true, 0), single(false, 0));

    Measurement accuracy = Metric.ACC.of(outcomes);

    assertThat(accuracy.value()).isEqualTo(0.75);
    assertThat(accuracy.standardError()).isCloseTo(Math.sqrt(0.75 * 0.25 / 3), within(1e-15));
    assertThat(Metric.ACC.of(outcomes.subList(0, 1)).standardError()).isNaN();
  }

  @Test
  void perplexityIsTheExponentialOfTheMeanLoss() {
    Measurement perplexity = Metric.PERPLEXITY.of(List.of(single(true, -1), single(true, -3)));

    assertThat(perplexity.value()).isCloseTo(Math.exp(2), within(1e-12));
    // The losses' standard deviation is sqrt(2), that of their mean 1, times the perplexity.
    assertThat(perplexity.standardError()).isCloseTo(Math.exp(2), within(1e-12));
  }

  @Test
  void theDifferenceHasThePairedStandardError() {
    List<Outcome> first = List.of(single(true, 0), single(false, 0), single(true, 0));
    List<Outcome> second = List.of(single(true, 0), single(true, 0), single(true, 0));

    Measurement difference = Metric.ACC.difference(first, second);

    assertThat(difference.value()).isCloseTo(1.0 / 3, within(1e-15));
    // The differences are 0, 1, 0: variance 1/3, over three examples.
    assertThat(difference.standardError()).isCloseTo(1.0 / 3, within(1e-15));
    assertThat(Metric.ACC.difference(first, first)).isEqualTo(new Measurement(0, 0));
  }

  @Test
  void theAverageOverTasksIsUnweighted() {
    Measurement average =
        Measurement.average(List.of(new Measurement(0.5, 0.03), new Measurement(0.7, 0.04)));

    assertThat(average.value()).isCloseTo(0.6, within(1e-15));
    assertThat(average.standardError()).isCloseTo(0.025, within(1e-15));
  }

  @Test
  void outcomesSurviveTheirWayBetweenRanks() {
    List<Outcome> outcomes =
        List.of(
            new Outcome(true, false, true, -1.25, false),
            new Outcome(false, true, false, -1e-300, true));

    assertThat(OutcomeBytes.read(OutcomeBytes.write(outcomes))).isEqualTo(outcomes);
  }
}
