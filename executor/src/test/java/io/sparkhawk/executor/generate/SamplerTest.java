package io.sparkhawk.executor.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplerTest {

  private static final int TRIALS = 300;

  private static float[] randomLogits(SplittableRandom random) {
    float[] logits = new float[random.nextInt(1, 40)];
    for (int i = 0; i < logits.length; i++) {
      // Few different values: ties matter.
      logits[i] = random.nextInt(-8, 9) / 2f;
    }
    return logits;
  }

  private static SplittableRandom random() {
    long seed = System.nanoTime();
    System.out.println("SamplerTest: seed " + seed);
    return new SplittableRandom(seed);
  }

  private static List<Integer> byFallingLogit(float[] logits) {
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted(Comparator.<Integer>comparingDouble(id -> 0.0 - logits[id]).thenComparing(id -> id))
        .toList();
  }

  private static double[] softmax(float[] logits, double temperature) {
    double sum = 0;
    double[] p = new double[logits.length];
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp(logits[i] / temperature);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }

  @Test
  void greedyTakesTheMostLikelyAndTheFirstOfSeveral() {
    SplittableRandom random = random();
    for (int trial = 0; trial < TRIALS; trial++) {
      float[] logits = randomLogits(random);
      assertThat(Sampler.mostLikely(logits)).isEqualTo(byFallingLogit(logits).get(0));
    }
  }

  @Test
  void eachTokenOfTheNucleusGetsItsShareOfTheDraws() {
    SplittableRandom random = random();
    for (int trial = 0; trial < TRIALS; trial++) {
      float[] logits = randomLogits(random);
      double temperature = random.nextDouble(0.3, 2);
      double topP = random.nextDouble(0.05, 1);
      double[] p = softmax(logits, temperature);
      // A token belongs to the nucleus unless the more likely ones have the probability already.
      List<Integer> nucleus = new ArrayList<>();
      double before = 0;
      for (int id : byFallingLogit(logits)) {
        if (before < topP) {
          nucleus.add(id);
        }
        before += p[id];
      }
      double mass = nucleus.stream().mapToDouble(id -> p[id]).sum();
      double from = 0;
      for (int id : nucleus) {
        double to = from + p[id] / mass;
        double middle = (from + to) / 2;
        assertThat(Sampler.draw(logits, temperature, topP, middle)).isEqualTo(id);
        from = to;
      }
      assertThat(from).isCloseTo(1, within(1e-9));
    }
  }

  /** The draw by its definition: all ids sorted, their weights summed up in that order. */
  private static int drawOfAllSorted(
      float[] logits, double temperature, double topP, double uniform) {
    List<Integer> order = byFallingLogit(logits);
    double largest = logits[order.get(0)];
    if (topP == 1) {
      order = IntStream.range(0, logits.length).boxed().toList();
    }
    double[] weights = new double[logits.length];
    double total = 0;
    for (int id = 0; id < weights.length; id++) {
      weights[id] = Math.exp((logits[id] - largest) / temperature);
      total += weights[id];
    }
    int size = 0;
    double mass = 0;
    while (size == 0 || (size < weights.length && mass < topP * total)) {
      mass += weights[order.get(size)];
      size++;
    }
    double sum = 0;
    for (int id : order.subList(0, size)) {
      sum += weights[id];
      if (uniform * mass < sum) {
        return id;
      }
    }
    return order.get(size - 1);
  }

  @Test
  void theDrawIsTheSameAsWithTheWholeVocabularySorted() {
    SplittableRandom random = random();
    for (int trial = 0; trial < TRIALS; trial++) {
      float[] logits = new float[random.nextInt(1, 3000)];
      boolean ties = random.nextBoolean();
      for (int id = 0; id < logits.length; id++) {
        float logit = (float) random.nextGaussian() * 4;
        logits[id] = ties ? Math.round(logit) : logit;
      }
      logits[random.nextInt(logits.length)] = Float.NEGATIVE_INFINITY;
      double temperature = random.nextDouble(0.1, 3);
      double topP = trial % 10 == 0 ? trial / 10 % 2 : random.nextDouble();
      double uniform = random.nextDouble();

      assertThat(Sampler.draw(logits, temperature, topP, uniform))
          .isEqualTo(drawOfAllSorted(logits, temperature, topP, uniform));
    }
  }

  @Test
  void idsComeByFallingLogitsAndEqualOnesByRisingIds() {
    SplittableRandom random = random();
    for (int trial = 0; trial < TRIALS; trial++) {
      float[] logits = randomLogits(random);
      logits[random.nextInt(logits.length)] = -0f;
      MostLikelyFirst order = new MostLikelyFirst(logits);
      List<Integer> found = new ArrayList<>();
      while (order.hasNext()) {
        found.add(order.next());
      }
      assertThat(found).isEqualTo(byFallingLogit(logits));
    }
  }

  @Test
  void topPOfOneReachesEveryToken() {
    float[] logits = {0, 1, 2, -3};
    Set<Integer> drawn = new HashSet<>();
    for (int i = 0; i < 10_000; i++) {
      drawn.add(Sampler.draw(logits, 1, 1, i / 10_000.0));
    }
    assertThat(drawn).containsExactlyInAnyOrder(0, 1, 2, 3);
  }

  @Test
  void aSmallTopPLeavesTheMostLikelyToken() {
    float[] logits = {0, 1, 2, -3};
    assertThat(Sampler.draw(logits, 1, 1e-12, 0.999)).isEqualTo(2);
  }

  @Test
  void extremeLogitsAndTemperaturesDoNotOverflow() {
    float[] logits = {-3e38f, 3e38f, Float.NEGATIVE_INFINITY};
    assertThat(Sampler.draw(logits, 1e-3, 1, 0.999)).isEqualTo(1);
    assertThat(Sampler.draw(logits, 1e3, 0.9, 0)).isEqualTo(1);
  }

  @Test
  void thePenaltyMakesSeenTokensLessLikelyWhateverTheirSign() {
    BitSet seen = BitSet.valueOf(new long[] {0b1011});
    float[] logits = {3, -3, 5, 0, -1};
    assertThat(Sampler.penalised(logits, seen, 1.5)).containsExactly(2, -4.5f, 5, 0, -1);
    assertThat(logits).containsExactly(3, -3, 5, 0, -1);
  }

  @Test
  void promptAndDrawnTokensAreBothPenalised() {
    Sampler sampler = new Sampler(new SamplingSettings(0, 1, 100, 0));
    sampler.see(0);
    float[] logits = {9, 8, 7, 6};
    assertThat(IntStream.range(0, 3).map(i -> sampler.next(logits))).containsExactly(1, 2, 3);
  }

  @Test
  void equalSeedsGiveEqualTokensAndOtherSeedsOthers() {
    assertThat(hundred(7)).isEqualTo(hundred(7)).isNotEqualTo(hundred(8));
  }

  private static List<Integer> hundred(long seed) {
    Sampler sampler = new Sampler(new SamplingSettings(1, 0.9, 1, seed));
    return IntStream.range(0, 100)
        .mapToObj(i -> sampler.next(new float[] {1, 2, 3, 2, 1}))
        .toList();
  }
}
