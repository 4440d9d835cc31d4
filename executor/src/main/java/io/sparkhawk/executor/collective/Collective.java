package io.sparkhawk.executor.collective;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.Future;

/**
 * The ranks of one training generation, acting together. Every rank must make the same calls in the
 * same order with the same sizes.
 *
 * <p>Buffers are direct, in native byte order, and hold float32 values between their position and
 * limit; position and limit are left as they were. Results are bit-identical on all ranks that get
 * them, and a reduce-scatter with an all-gather after it gives the bits of an all-reduce. Every
 * wait is bounded; a timeout is an {@link io.sparkhawk.data.error.InfrastructureException} that
 * names this rank, the step and the peer that was waited for. After a failure the collective is
 * broken: every further call fails at once.
 *
 * <p>Calls come from one training thread; only {@link #abort} may come from another.
 */
public interface Collective extends AutoCloseable {

  /** This process's place, from 0 to {@code worldSize() - 1}. */
  int rank();

  /** The number of processes that train together. */
  int worldSize();

  /** Names the training step in the messages of later failures. */
  void atStep(long step);

  /** The step that was named last, or 0. */
  long step();

  /** Sums {@code values} over all ranks, in place. Returns when the sum is there. */
  void allReduceSum(ByteBuffer values);

  /**
   * Starts summing {@code values} over all ranks, in place, and returns at once. What was started
   * runs in that order. The buffer belongs to the collective until the future is done; {@code get}
   * throws the failure as its cause.
   */
  Future<?> startAllReduceSum(ByteBuffer values);

  /**
   * Starts the first half of {@link #startAllReduceSum}: the values are cut into one share for each
   * rank, and each rank gets the sum of its own, in place. Rank {@code r} of {@code w} has the
   * elements from {@code n r / w} to {@code n (r + 1) / w} of {@code n}. Those of the others are
   * undefined afterwards.
   */
  Future<?> startReduceScatterSum(ByteBuffer values);

  /**
   * Starts the second half: each rank's share, cut as above, is copied to all others, in place.
   * Nothing is computed, so any elements of four bytes will do.
   */
  Future<?> startAllGather(ByteBuffer values);

  /** Sums a few float64 numbers over all ranks (losses, counters); returns a new array. */
  double[] allReduceSum(double... values);

  /** Copies the bytes of rank {@code root} into the buffers of all others; any buffer will do. */
  void broadcast(ByteBuffer bytes, int root);

  /**
   * Gives every rank the bytes of all, in rank order. Sizes may differ between the ranks, which
   * need not know each other's.
   */
  List<byte[]> allGather(byte[] bytes);

  /** Returns when every rank has called it. */
  void barrier();

  /**
   * Bytes that this rank has written to its connections so far, with all that is around the values;
   * 0 where there is nobody to send to. An operation that is under way counts as far as it has
   * come.
   */
  default long sentBytes() {
    return 0;
  }

  /** Breaks the collective: calls that wait here fail with {@code reason}, and peers notice. */
  void abort(String reason);

  /** Releases sockets and threads; does not throw. */
  @Override
  void close();
}
