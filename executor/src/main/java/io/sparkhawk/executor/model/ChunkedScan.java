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
    long length = x.getShape().get(1);
    long size = Math.min(chunkSize, length);
    long chunks = (length + size - 1) / size;
    NDArray xs = chunked(x, size, chunks); // (batch, heads, chunks, size, head size)
    NDArray bs = chunked(b, size, chunks);
    NDArray cs = chunked(c, size, chunks);
    NDArray sums = // (batch, heads, chunks, size)
        Operators.cumulativeSum(
            Operators.reshape(
                chunked(Operators.unsqueeze(logDecay, 3), size, chunks),
                x.getShape().get(0),
                x.getShape().get(2),
                chunks,
                size),
            3);

    NDArray scores = Operators.matmul(cs, Operators.transpose(bs, 3, 4)); // (.., size, size)
    NDArray decays = factors(segmentSums(sums, mask), x);
    NDArray y = Operators.matmul(Operators.multiply(scores, decays), xs);
    if (chunks > 1) {
      y = Operators.add(y, fromEarlierChunks(xs, bs, cs, sums));
    }
    NDArray joined = Operators.permute(y, 0, 2, 3, 1, 4); // (batch, chunks, size, heads, head size)
    NDArray flat =
        Operators.reshape(
            joined, x.getShape().get(0), chunks * size, x.getShape().get(2), x.getShape().get(3));
    return chunks * size == length ? flat : Operators.narrow(flat, 1, 0, length);
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

  /** What the states that enter each chunk contribute to its outputs. */
  private static NDArray fromEarlierChunks(NDArray xs, NDArray bs, NDArray cs, NDArray sums) {
    long chunks = sums.getShape().get(2);
    long size = sums.getShape().get(3);
    NDArray totals = Operators.narrow(sums, 3, size - 1, 1); // (batch, heads, chunks, 1)
    NDArray toEnd = Operators.unsqueeze(factors(Operators.subtract(totals, sums), xs), 4);
    NDArray states = // (batch, heads, chunks, state size, head size)
        Operators.matmul(Operators.transpose(Operators.multiply(bs, toEnd), 3, 4), xs);
    NDArray decays = Operators.unsqueeze(factors(totals, xs), 4); // (batch, heads, chunks, 1, 1)

    List<NDArray> entering = new ArrayList<>();
    NDArray state = Operators.zerosLike(Operators.narrow(states, 2, 0, 1));
    entering.add(state);
    for (long chunk = 0; chunk < chunks - 1; chunk++) {
      NDArray decay = Operators.narrow(decays, 2, chunk, 1);
      state =
          Operators.add(Operators.multiply(state, decay), Operators.narrow(states, 2, chunk, 1));
      entering.add(state);
    }
    NDArray fromStart = Operators.unsqueeze(factors(sums, xs), 4);
    return Operators.matmul(Operators.multiply(cs, fromStart), Operators.concatenate(entering, 2));
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
