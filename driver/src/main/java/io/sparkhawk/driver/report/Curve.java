package io.sparkhawk.driver.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/**
 * The points of one line of a chart. Points without a finite value are not part of a curve.
 *
 * @param x positions, increasing
 * @param y values at these positions
 */
record Curve(List<Double> x, List<Double> y) {

  /** Points that a chart gets at most. */
  static final int LIMIT = 2000;

  Curve {
    x = List.copyOf(x);
    y = List.copyOf(y);
  }

  int size() {
    return x.size();
  }

  /** The curve through points {@code 0 .. count - 1}, without those that are not finite. */
  static Curve of(int count, IntToDoubleFunction x, IntToDoubleFunction y) {
    List<Double> xs = new ArrayList<>(count);
    List<Double> ys = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      double value = y.applyAsDouble(i);
      if (Double.isFinite(value)) {
        xs.add(x.applyAsDouble(i));
        ys.add(value);
      }
    }
    return new Curve(xs, ys);
  }

  /**
   * At most {@code limit} points (4 or more) that look the same: the first, the last, and of each
   * slice in between the lowest and the highest, so that no spike is lost.
   */
  Curve thinned(int limit) {
    if (size() <= limit) {
      return this;
    }
    int slices = (limit - 2) / 2;
    List<Integer> kept = new ArrayList<>(limit);
    kept.add(0);
    for (int slice = 0; slice < slices; slice++) {
      int from = 1 + (int) ((long) slice * (size() - 2) / slices);
      int to = 1 + (int) ((long) (slice + 1) * (size() - 2) / slices);
      int lowest = from;
      int highest = from;
      for (int i = from; i < to; i++) {
        lowest = y.get(i) < y.get(lowest) ? i : lowest;
        highest = y.get(i) > y.get(highest) ? i : highest;
      }
      kept.add(Math.min(lowest, highest));
      if (lowest != highest) {
        kept.add(Math.max(lowest, highest));
      }
    }
    kept.add(size() - 1);
    return new Curve(kept.stream().map(x::get).toList(), kept.stream().map(y::get).toList());
  }

  /**
   * Each value replaced by the mean of the values up to {@code reach} points before and after it.
   * Near the beginning, where a loss falls steeply, only as many after as there are before, so that
   * the curve begins where it began.
   */
  Curve smoothed(int reach) {
    double[] sums = new double[size() + 1];
    for (int i = 0; i < size(); i++) {
      sums[i + 1] = sums[i] + y.get(i);
    }
    Double[] means = new Double[size()];
    for (int i = 0; i < size(); i++) {
      int before = Math.min(reach, i);
      int after = Math.min(before, size() - 1 - i);
      means[i] = (sums[i + after + 1] - sums[i - before]) / (before + 1 + after);
    }
    return new Curve(x, Arrays.asList(means));
  }
}
