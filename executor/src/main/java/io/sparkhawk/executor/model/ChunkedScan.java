package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import java.util.ArrayList;
import java.util.List;

/**
 * The state-space recurrence h_t = a_t h_{t-1} + B_t x_t^T, y_t = C_t h_t computed in chunks:
 * quadratic inside a chunk, one state passed between chunks, so time and memory are linear in the
 * length (Mamba-2, arXiv 2405.21060, listing 1; state-spaces/mamba ssd_minimal.py).
 */
final class ChunkedScan {

  private ChunkedScan() {}

  /**
   * The outputs y.
   *
   * @param x (batch, length, heads, head size)
   * @param b (batch, length, heads, state size)
   * @param c like b
   * @param logDecay log a: (batch, length, heads), in the accumulation type; sums and exponentials
   *     are made in it, and the factors that follow are rounded to the type of x
   * @param chunkSize positions per chunk; it does not change the result
   * @return like x
   */
  static NDArray scan(
      NDArray x, NDArray b, NDArray c, NDArray logDecay, int chunkSize, CausalMask mask) {
    Chunks chunks = Chunks.of(x, b, c, logDecay, chunkSize);
    NDArray y = chunks.within(mask);
    if (chunks.count() > 1) {
      y = Operators.add(y, chunks.fromStates(chunks.states(chunks.zeroState(), chunks.count())));
    }
    return joined(y, x);
  }

  /**
   * The outputs y of a sequence's continuation, with the state after it.
   *
   * @param state the state before it: (batch, heads, state size, head size)
   */
  static Continued resume(
      NDArray state,
      NDArray x,
      NDArray b,
      NDArray c,
      NDArray logDecay,
      int chunkSize,
      CausalMask mask) {
    Chunks chunks = Chunks.of(x, b, c, logDecay, chunkSize);
    // Padding adds nothing to the last chunk's state and, with a log decay of 0, leaves it as it
    // is.
    List<NDArray> states = chunks.states(Operators.unsqueeze(state, 2), chunks.count() + 1);
    NDArray y =
        Operators.add(chunks.within(mask), chunks.fromStates(states.subList(0, chunks.count())));
    NDArray last = states.get(chunks.count());
    return new Continued(joined(y, x), Operators.reshape(last, state.getShape().getShape()));
  }

  /**
   * As {@link #resume} for one position: the recurrence itself.
   *
   * @param x (batch, 1, heads, head size)
   * @param b (batch, 1, heads, state size)
   * @param c like b
   * @param logDecay (batch, 1, heads)
   */
  static Continued step(NDArray state, NDArray x, NDArray b, NDArray c, NDArray logDecay) {
    NDArray decay = // (batch, heads, 1, 1)
        Operators.unsqueeze(factors(Operators.transpose(logDecay, 1, 2), x), 3);
    NDArray outer = // (batch, heads, state size, head size)
        Operators.matmul(Operators.permute(b, 0, 2, 3, 1), Operators.transpose(x, 1, 2));
    NDArray next = Operators.add(Operators.multiply(state, decay), outer);
    NDArray y =
        Operators.matmul(Operators.transpose(c, 1, 2), next); // (batch, heads, 1, head size)
    return new Continued(Operators.transpose(y, 1, 2), next);
  }

  /**
   * What a continuation gives.
   *
   * @param y outputs, like x
   * @param state the state after the last position: (batch, heads, state size, head size)
   */
  record Continued(NDArray y, NDArray state) {}

  /** (batch, heads, chunks, size, head size) to the shape of x, without the padding. */
  private static NDArray joined(NDArray y, NDArray x) {
    long padded = y.getShape().get(2) * y.getShape().get(3);
    long length = x.getShape().get(1);
    NDArray joined = Operators.permute(y, 0, 2, 3, 1, 4); // (batch, chunks, size, heads, head size)
    NDArray flat =
        Operators.reshape(
            joined, x.getShape().get(0), padded, x.getShape().get(2), x.getShape().get(3));
    return padded == length ? flat : Operators.narrow(flat, 1, 0, length);
  }

  /**
   * For i at least j the sum of log decays over j+1..i, minus infinity elsewhere.
   *
   * @param sums running sums (..., size)
   * @return (..., size, size)
   */
  static NDArray segmentSums(NDArray sums, CausalMask mask) {
    int last = sums.getShape().dimension();
    NDArray differences =
        Operators.subtract(Operators.unsqueeze(sums, last), Operators.unsqueeze(sums, last - 1));
    return Operators.add(differences, mask.of(sums, sums.getShape().get(last - 1)));
  }

  /**
   * The operands of a scan, cut into chunks and padded with zeros.
   *
   * @param x (batch, heads, chunks, size, head size)
   * @param b (batch, heads, chunks, size, state size)
   * @param c like b
   * @param sums running sums of the log decays inside each chunk: (batch, heads, chunks, size)
   */
  private record Chunks(NDArray x, NDArray b, NDArray c, NDArray sums) {

    static Chunks of(NDArray x, NDArray b, NDArray c, NDArray logDecay, int chunkSize) {
      long length = x.getShape().get(1);
      long size = Math.min(chunkSize, length);
      long chunks = (length + size - 1) / size;
      NDArray decays = // (batch, heads, chunks, size)
          Operators.reshape(
              chunked(Operators.unsqueeze(logDecay, 3), size, chunks),
              x.getShape().get(0),
              x.getShape().get(2),
              chunks,
              size);
      return new Chunks(
          chunked(x, size, chunks),
          chunked(b, size, chunks),
          chunked(c, size, chunks),
          Operators.cumulativeSum(decays, 3));
    }

    int count() {
      return (int) sums.getShape().get(2);
    }

    /** What the positions of each chunk give to its outputs: like x. */
    NDArray within(CausalMask mask) {
      NDArray scores = Operators.matmul(c, Operators.transpose(b, 3, 4)); // (.., size, size)
      return Operators.matmul(Operators.multiply(scores, factors(segmentSums(sums, mask), x)), x);
    }

    /** What each chunk adds to the state: (batch, heads, chunks, state size, head size). */
    NDArray contributions() {
      NDArray toEnd = Operators.unsqueeze(factors(Operators.subtract(totals(), sums), x), 4);
      NDArray added = Operators.matmul(Operators.transpose(Operators.multiply(b, toEnd), 3, 4), x);
      return Operators.convert(added, ElementType.of(sums));
    }

    /** (batch, heads, 1, state size, head size). */
    NDArray zeroState() {
      return Operators.zeros(
          x.getManager(),
          ElementType.of(sums),
          x.getShape().get(0),
          x.getShape().get(1),
          1,
          b.getShape().get(4),
          x.getShape().get(4));
    }

    /** The log decay over each whole chunk: (batch, heads, chunks, 1). */
    private NDArray totals() {
      return Operators.narrow(sums, 3, sums.getShape().get(3) - 1, 1);
    }

    /**
     * The states before the chunks, in their order, the one after the last chunk being last. They
     * are of the accumulation type: in bfloat16 a long sum would no longer notice what a chunk
     * adds.
     *
     * @param first the state before the first chunk: (batch, heads, 1, state size, head size)
     * @param wanted how many states
     */
    List<NDArray> states(NDArray first, int wanted) {
      NDArray added = contributions();
      NDArray decays = Operators.unsqueeze(Operators.exp(totals()), 4); // (.., chunks, 1, 1)
      List<NDArray> states = new ArrayList<>();
      states.add(first);
      for (int chunk = 0; chunk < wanted - 1; chunk++) {
        NDArray decayed =
            Operators.multiply(states.get(chunk), Operators.narrow(decays, 2, chunk, 1));
        states.add(Operators.add(decayed, Operators.narrow(added, 2, chunk, 1)));
      }
      return states;
    }

    /** What the states that enter the chunks give to their outputs: like x. */
    NDArray fromStates(List<NDArray> entering) {
      NDArray fromStart = Operators.unsqueeze(factors(sums, x), 4);
      NDArray states = Operators.convert(Operators.concatenate(entering, 2), ElementType.of(x));
      return Operators.matmul(Operators.multiply(c, fromStart), states);
    }
  }

  /** (batch, length, heads, n), padded with zeros, to (batch, heads, chunks, size, n). */
  private static NDArray chunked(NDArray x, long size, long chunks) {
    long batch = x.getShape().get(0);
    long length = x.getShape().get(1);
    long heads = x.getShape().get(2);
    long n = x.getShape().get(3);
    NDArray padded = x;
    if (chunks * size != length) {
      padded =
          Operators.padLength(
              Operators.reshape(x, batch, length, heads * n), 0, chunks * size - length);
    }
    return Operators.permute(
        Operators.reshape(padded, batch, chunks, size, heads, n), 0, 3, 1, 2, 4);
  }

  /** exp of sums of log decays, in the element type of {@code like}. */
  static NDArray factors(NDArray sums, NDArray like) {
    return Operators.convert(Operators.exp(sums), ElementType.of(like));
  }
}
