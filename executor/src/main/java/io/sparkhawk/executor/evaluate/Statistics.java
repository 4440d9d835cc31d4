package io.sparkhawk.executor.evaluate;

/** Means of samples. */
final class Statistics {

  private Statistics() {}

  static double mean(double[] x) {
    double sum = 0;
    for (double value : x) {
      sum += value;
    }
    return sum / x.length;
  }

  /**
   * Standard deviation of the sample over the root of its size: sqrt(p(1-p)/(n-1)) for a share p.
   */
  static double standardErrorOfMean(double[] x) {
    double mean = mean(x);
    double squares = 0;
    for (double value : x) {
      squares += (value - mean) * (value - mean);
    }
    return Math.sqrt(squares / (x.length - 1.0) / x.length);
  }
}
