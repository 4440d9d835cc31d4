package io.sparkhawk.executor.generate;

import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

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
    if (penalty == 1) {
      return logits;
    }
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
   * @param topP 1 draws from all, which need no order
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
    int[] ids =
        topP == 1
            ? IntStream.range(0, logits.length).toArray()
            : nucleus(logits, weights, topP * total);
    return pick(ids, weights, uniform);
  }

  /** The most likely ids, until their weights reach {@code enough}: at least one id. */
  private static int[] nucleus(float[] logits, double[] weights, double enough) {
    MostLikelyFirst order = new MostLikelyFirst(logits);
    int[] ids = new int[logits.length];
    int count = 0;
    double mass = 0;
    do {
      ids[count] = order.next();
      mass += weights[ids[count]];
      count++;
    } while (mass < enough && order.hasNext());
    return Arrays.copyOf(ids, count);
  }

  private static int pick(int[] ids, double[] weights, double uniform) {
    double mass = 0;
    for (int id : ids) {
      mass += weights[id];
    }
    double sum = 0;
    for (int id : ids) {
      sum += weights[id];
      if (uniform * mass < sum) {
        return id;
      }
    }
    return ids[ids.length - 1];
  }
}
