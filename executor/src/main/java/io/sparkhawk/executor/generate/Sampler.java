package io.sparkhawk.executor.generate;

import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;

/**
 * Chooses the next token from its logits: repetition penalty, temperature and nucleus ("top-p") in
 * the order and with the meaning of transformers' generate(). Equal settings and logits give equal
 * tokens. Not safe for use by several threads.
 */
final class Sampler {

  private final SamplingSettings settings;
  private final SplittableRandom random;
  private final BitSet seen = new BitSet();

  Sampler(SamplingSettings settings) {
    this.settings = settings;
    this.random = new SplittableRandom(settings.seed());
  }

  /** Takes note of tokens of the prompt. */
  void see(int... ids) {
    Arrays.stream(ids).forEach(seen::set);
  }

  /** Chooses a token and takes note of it. */
  int next(float[] logits) {
    float[] penalised = penalised(logits, seen, settings.repetitionPenalty());
    int id =
        settings.temperature() == 0
            ? mostLikely(penalised)
            : draw(penalised, settings.temperature(), settings.topP(), random.nextDouble());
    seen.set(id);
    return id;
  }

  /** Positive logits of seen tokens divided by the penalty, negative ones multiplied by it. */
  static float[] penalised(float[] logits, BitSet seen, double penalty) {
    float[] penalised = logits.clone();
    seen.stream()
        .filter(id -> id < logits.length)
        .forEach(
            id ->
                penalised[id] =
                    (float) (logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty));
    return penalised;
  }

  /** The id with the largest logit, the smallest of several. */
  static int mostLikely(float[] logits) {
    int best = 0;
    for (int id = 1; id < logits.length; id++) {
      if (logits[id] > logits[best]) {
        best = id;
      }
    }
    return best;
  }

  /**
   * Draws from softmax(logits / temperature), cut to the fewest most likely tokens whose
   * probabilities sum up to {@code topP}: at least one.
   *
   * @param uniform where the draw falls, from 0 to below 1
   */
  static int draw(float[] logits, double temperature, double topP, double uniform) {
    double largest = logits[mostLikely(logits)];
    double[] weights = new double[logits.length];
    double total = 0;
    for (int id = 0; id < logits.length; id++) {
      weights[id] = Math.exp((logits[id] - largest) / temperature);
      total += weights[id];
    }
    int[] order = mostLikelyFirst(logits);
    int nucleus = 0;
    double mass = 0;
    while (nucleus < order.length && (nucleus == 0 || mass < topP * total)) {
      mass += weights[order[nucleus]];
      nucleus++;
    }
    double target = uniform * mass;
    double sum = 0;
    for (int i = 0; i < nucleus; i++) {
      sum += weights[order[i]];
      if (target < sum) {
        return order[i];
      }
    }
    return order[nucleus - 1];
  }

  /** The ids by falling logits, equal ones by rising ids. */
  private static int[] mostLikelyFirst(float[] logits) {
    long[] keys = new long[logits.length];
    for (int id = 0; id < logits.length; id++) {
      keys[id] = (long) ~ordered(logits[id]) << Integer.SIZE | id;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(key -> (int) key).toArray();
  }

  /** An integer in the order of the floats. */
  private static int ordered(float value) {
    int bits = Float.floatToIntBits(value + 0f); // -0 becomes 0
    return bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
  }
}
