package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;

/**
 * What the ranks send each other in a step, segment by segment, while other segments are computed:
 * gradients, which are summed, and, where each rank updates a share of the weights only, the
 * updated weights. Every rank must start the same runs in the same order.
 */
interface Exchange extends AutoCloseable {

  /**
   * Starts to sum the gradients of a segment, which must not be touched before {@link #awaitSums}.
   * Where weights are updated in shares, only this rank's share is summed; the others are undefined
   * afterwards.
   */
  void startSum(FlatLayout.Range segment);

  /**
   * Waits until all gradients whose sum was started are there.
   *
   * @return seconds of waiting in which this rank had nothing else to compute
   * @throws io.sparkhawk.data.error.InfrastructureException if another rank fails or is not there
   *     in time
   */
  double awaitSums();

  /** Whether {@link #useSums} and {@link #startFigures} can be used. */
  default boolean isQueued() {
    return false;
  }

  /**
   * Makes the sums that were started usable by what this thread queues from now on, without waiting
   * for them.
   */
  default Sums useSums() {
    throw new IllegalStateException("the sums " + description() + " are not queued");
  }

  /** Sums that are under way on the device. */
  interface Sums {

    /**
     * Throws if they are known to fail.
     *
     * @throws io.sparkhawk.data.error.InfrastructureException names the rank that is missing
     */
    void check();

    /**
     * Called once the device has passed them.
     *
     * @return seconds in which the device waited for them and computed nothing
     */
    double finish();
  }

  /** Queues the sum over the ranks of the first elements of a small float32 tensor, in place. */
  default void sumFigures(NDArray figures, long count) {
    throw new IllegalStateException("figures are not summed " + description());
  }

  /** Starts to give every rank the computed weights of a segment, of which each has its share. */
  void startGather(FlatLayout.Range segment);

  /**
   * Makes the weights whose gathering was started usable by what this thread computes from now on;
   * on a GPU the thread itself need not wait for them.
   *
   * @return seconds that the thread has waited
   */
  double useGathered();

  /** Waits until all weights whose gathering was started are there. Errors as for sums. */
  void awaitGathered();

  /** How gradients are summed, in a few words, for logs. */
  String description();

  /** Gives everything back; what is under way is lost. Does not throw. */
  @Override
  void close();
}
