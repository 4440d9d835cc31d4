package io.sparkhawk.executor.evaluate;

import java.util.List;
import java.util.Locale;

/** What is measured on a task, by the names of the lm-evaluation-harness. */
public enum Metric {
  /** Share of the examples that are right. */
  ACC,
  /** Accuracy with log-likelihoods divided by the choices' lengths in characters. */
  ACC_NORM,
  /** Accuracy with log-likelihoods divided by the choices' lengths in bytes. */
  ACC_BYTES,
  /** Exponential of the mean negative log-likelihood of a last word. */
  PERPLEXITY;

  /** The name in tables and files. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The metric over all examples of a task. */
  public Measurement of(List<Outcome> outcomes) {
    double[] x = perExample(outcomes);
    return new Measurement(value(outcomes), Statistics.standardErrorOfMean(x));
  }

  /**
   * The second model's metric less the first's, on the same examples. The standard error is that of
   * the differences example by example, which is smaller than what the two single ones suggest
   * where the models agree.
   */
  public Measurement difference(List<Outcome> first, List<Outcome> second) {
    double[] a = perExample(first);
    double[] b = perExample(second);
    double[] differences = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      differences[i] = b[i] - a[i];
    }
    return new Measurement(
        value(second) - value(first), Statistics.standardErrorOfMean(differences));
  }

  private double value(List<Outcome> outcomes) {
    return this == PERPLEXITY
        ? Math.exp(-Statistics.mean(logLikelihoods(outcomes)))
        : Statistics.mean(perExample(outcomes));
  }

  /**
   * Numbers whose mean varies as the metric does: the accuracies' own terms, and for the perplexity
   * exp(-mean l) its linear form -l exp(-mean l) (the delta method).
   */
  private double[] perExample(List<Outcome> outcomes) {
    if (this == PERPLEXITY) {
      double perplexity = value(outcomes);
      double[] terms = logLikelihoods(outcomes);
      for (int i = 0; i < terms.length; i++) {
        terms[i] *= -perplexity;
      }
      return terms;
    }
    return outcomes.stream().mapToDouble(outcome -> isRight(outcome) ? 1 : 0).toArray();
  }

  private boolean isRight(Outcome outcome) {
    return switch (this) {
      case ACC -> outcome.correct();
      case ACC_NORM -> outcome.correctByCharacters();
      case ACC_BYTES -> outcome.correctByBytes();
      case PERPLEXITY -> throw new IllegalStateException("a perplexity is no share");
    };
  }

  private static double[] logLikelihoods(List<Outcome> outcomes) {
    return outcomes.stream().mapToDouble(Outcome::logLikelihood).toArray();
  }
}
