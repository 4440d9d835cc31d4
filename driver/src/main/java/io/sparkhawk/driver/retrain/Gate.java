package io.sparkhawk.driver.retrain;

import io.sparkhawk.driver.config.GateSettings;
import io.sparkhawk.driver.registry.ModelScores;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;

/**
 * One condition of a promotion, with its values.
 *
 * @param name what is compared
 * @param value the candidate's
 * @param limit what it must not exceed, or for {@code atLeast} must reach
 * @param atLeast whether the limit is the least rather than the most
 * @param holds whether it does
 */
public record Gate(String name, double value, double limit, boolean atLeast, boolean holds) {

  private static Gate atMost(String name, double value, double limit) {
    return new Gate(name, value, limit, false, value <= limit);
  }

  private static Gate atLeast(String name, double value, double limit) {
    return new Gate(name, value, limit, true, value >= limit);
  }

  /**
   * The gates of a comparison. A figure that is not finite passes none.
   *
   * @param tokens that the candidate was trained on
   */
  static List<Gate> of(GateSettings settings, Comparison models, long tokens) {
    ModelScores candidate = models.candidate();
    List<Gate> gates = new ArrayList<>();
    gates.add(atMost("perplexity, finite", candidate.perplexity(), Double.MAX_VALUE));
    for (ModelScores production : models.production()) {
      gates.add(
          atMost(
              "perplexity, against production",
              candidate.perplexity(),
              production.perplexity() * (1 + settings.perplexityPercent() / 100)));
      new TreeMap<>(production.tasks())
          .forEach(
              (task, accuracy) ->
                  gates.add(
                      atLeast(
                          "accuracy on " + task + ", against production",
                          candidate.tasks().getOrDefault(task, Double.NaN),
                          accuracy - settings.taskPoints() / 100)));
    }
    settings
        .teacherPercent()
        .ifPresent(
            percent ->
                gates.add(
                    atMost(
                        "perplexity, against the teacher",
                        candidate.perplexity(),
                        models.teacher().perplexity() * (1 + percent / 100))));
    gates.add(atLeast("tokens trained on", (double) tokens, (double) settings.minTokens()));
    return gates;
  }

  /** The gate in a sentence. */
  String sentence() {
    return String.format(
        Locale.ROOT,
        "%s: %s, must be at %s %s",
        name,
        number(value),
        atLeast ? "least" : "most",
        number(limit));
  }

  static String number(double value) {
    if (value == Double.MAX_VALUE) {
      return "a finite number";
    }
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? String.format(Locale.ROOT, "%,d", (long) value)
        : String.format(Locale.ROOT, Math.abs(value) < 1e15 ? "%.4f" : "%.0e", value);
  }
}
