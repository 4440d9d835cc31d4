package io.sparkhawk.driver.plan;

import io.sparkhawk.executor.train.GradientType;

/**
 * What each GPU of a ring sends in one update, and receives.
 *
 * @param gradientBytes summing gradients: an all-reduce, or a reduce-scatter
 * @param weightBytes giving each other new weights: nothing, or an all-gather in bfloat16
 * @param gradientHops steps of the ring for gradients
 * @param weightHops steps of the ring for weights
 */
record Traffic(double gradientBytes, double weightBytes, double gradientHops, double weightHops) {

  /**
   * Of a ring: each half of an all-reduce sends all but one share of the buffer.
   *
   * @param elements trained weights
   * @param segments parts in which they travel
   * @param sharded whether each GPU updates a share
   */
  static Traffic of(
      long elements, int segments, int gpus, boolean sharded, GradientType gradientType) {
    double gradient = gradientType == GradientType.FLOAT32 ? Float.BYTES : Short.BYTES;
    double others = (gpus - 1.0) / gpus;
    double hops = (gpus - 1.0) * segments;
    return sharded
        ? new Traffic(gradient * elements * others, Short.BYTES * elements * others, hops, hops)
        : new Traffic(2 * gradient * elements * others, 0, 2 * hops, 0);
  }

  double bytes() {
    return gradientBytes + weightBytes;
  }

  double gradientSeconds(Link link, Link within) {
    return link.seconds(gradientBytes, gradientHops, within);
  }

  double weightSeconds(Link link, Link within) {
    return link.seconds(weightBytes, weightHops, within);
  }
}
