package io.sparkhawk.driver.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StragglersTest {

  private final List<String> verdicts = new ArrayList<>();

  @Test
  void rankBeyondTheFactorOfTheMedianIsToldOnce() {
    Stragglers stragglers = new Stragglers(4, 2);
    steps(stragglers, 40, 0.1, 0.1, 0.25, 0.12);
    assertThat(verdicts).containsExactly("rank 2 slow 0.25 of 0.1");
  }

  @Test
  void rankBelowTheFactorIsNone() {
    Stragglers stragglers = new Stragglers(3, 2);
    steps(stragglers, 40, 0.1, 0.19, 0.1);
    assertThat(verdicts).isEmpty();
  }

  @Test
  void ofTwoRanksTheSlowerOneIsTold() {
    Stragglers stragglers = new Stragglers(2, 2);
    steps(stragglers, 20, 0.1, 0.3);
    assertThat(verdicts).containsExactly("rank 1 slow 0.3 of 0.1");
  }

  @Test
  void fewSlowStepsAreNotYetSlowness() {
    Stragglers stragglers = new Stragglers(2, 2);
    steps(stragglers, 20, 0.1, 0.1);
    steps(stragglers, Stragglers.RECENT / 2, 0.1, 9);
    assertThat(verdicts).isEmpty();
  }

  @Test
  void nothingIsSaidBeforeEveryRankHasMadeSomeSteps() {
    Stragglers stragglers = new Stragglers(2, 2);
    steps(stragglers, Stragglers.RECENT - 1, 0.1, 0.3);
    assertThat(verdicts).isEmpty();
  }

  @Test
  void recoveryIsToldOnceAndOnlyWellBelowTheFactor() {
    Stragglers stragglers = new Stragglers(2, 2);
    steps(stragglers, 20, 0.1, 0.21);
    verdicts.clear();
    steps(stragglers, 40, 0.1, 0.19);
    assertThat(verdicts).isEmpty();
    steps(stragglers, 40, 0.1, 0.11);
    assertThat(verdicts).containsExactly("rank 1 well 0.11 of 0.1");
  }

  @Test
  void oneRankAloneIsNeverSlow() {
    Stragglers stragglers = new Stragglers(1, 1);
    steps(stragglers, 40, 0.1);
    assertThat(verdicts).isEmpty();
  }

  private void steps(Stragglers stragglers, int count, double... seconds) {
    for (int i = 0; i < count; i++) {
      for (int rank = 0; rank < seconds.length; rank++) {
        int of = rank;
        stragglers
            .step(rank, seconds[rank])
            .ifPresent(
                verdict ->
                    verdicts.add(
                        "rank %d %s %s of %s"
                            .formatted(
                                of,
                                verdict.slow() ? "slow" : "well",
                                verdict.seconds(),
                                verdict.medianSeconds())));
      }
    }
  }
}
