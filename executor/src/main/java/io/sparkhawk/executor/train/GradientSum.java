package io.sparkhawk.executor.train;

/**
 * The sum of all ranks' gradients, in place, segment by segment, while other segments are computed.
 * Every rank must start the same runs in the same order.
 */
interface GradientSum extends AutoCloseable {

  /** Starts to sum a run of the gradients, which must not be touched before {@link #await}. */
  void start(FlatLayout.Range range);

  /**
   * Waits until all that was started is there.
   *
   * @return seconds of waiting in which this rank had nothing else to compute
   * @throws io.sparkhawk.data.error.InfrastructureException if another rank fails or is not there
   *     in time
   */
  double await();

  /** How it goes, in a few words, for logs. */
  String description();

  /** Gives everything back; sums under way are lost. Does not throw. */
  @Override
  void close();
}
