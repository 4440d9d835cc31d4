package io.sparkhawk.driver.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CurveTest {

  @Test
  void pointsThatAreNotFiniteAreLeftOut() {
    double[] y = {1, Double.NaN, 3, Double.POSITIVE_INFINITY, 5};

    assertThat(Curve.of(5, i -> i, i -> y[i]))
        .isEqualTo(new Curve(List.of(0.0, 2.0, 4.0), List.of(1.0, 3.0, 5.0)));
  }

  @Test
  void aShortCurveIsNotThinned() {
    Curve curve = noise(Curve.LIMIT, 1);

    assertThat(curve.thinned(Curve.LIMIT)).isSameAs(curve);
  }

  @Test
  void aThinnedCurveKeepsItsEndsAndEveryExtremeAndStaysInOrder() {
    for (int seed = 0; seed < 20; seed++) {
      Curve curve = noise(100_000 + seed, seed);
      Curve thin = curve.thinned(Curve.LIMIT);

      assertThat(thin.size()).as("seed %d", seed).isBetween(Curve.LIMIT / 2, Curve.LIMIT);
      assertThat(thin.x()).as("seed %d", seed).isSorted().doesNotHaveDuplicates();
      assertThat(thin.x().get(0)).isEqualTo(0);
      assertThat(thin.x().get(thin.size() - 1)).isEqualTo(curve.size() - 1.0);
      assertThat(Collections.max(thin.y())).isEqualTo(Collections.max(curve.y()));
      assertThat(Collections.min(thin.y())).isEqualTo(Collections.min(curve.y()));
      for (int i = 0; i < thin.size(); i++) {
        assertThat(thin.y().get(i)).isEqualTo(curve.y().get(thin.x().get(i).intValue()));
      }
    }
  }

  @Test
  void smoothingIsTheMeanOfTheNeighboursAndBeginsWithTheFirstValue() {
    Curve curve = noise(50, 7);
    Curve smooth = curve.smoothed(4);

    for (int i = 0; i < 50; i++) {
      int before = Math.min(4, i);
      int end = Math.min(50, i + before + 1);
      double mean =
          curve.y().subList(i - before, end).stream()
              .mapToDouble(Double::doubleValue)
              .average()
              .orElseThrow();
      assertThat(smooth.y().get(i)).as("point %d", i).isCloseTo(mean, within(1e-12));
    }
    assertThat(smooth.y().get(0)).isEqualTo(curve.y().get(0));
    assertThat(smooth.x()).isEqualTo(curve.x());
  }

  @Test
  void anEmptyCurveStaysEmpty() {
    Curve empty = Curve.of(0, i -> i, i -> i);

    assertThat(empty.smoothed(3).thinned(Curve.LIMIT).size()).isZero();
  }

  private static Curve noise(int count, int seed) {
    Random random = new Random(seed);
    double[] y = random.doubles(count).toArray();
    return Curve.of(count, i -> i, i -> y[i]);
  }
}
