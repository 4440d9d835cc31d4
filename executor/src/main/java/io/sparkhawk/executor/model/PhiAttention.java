package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.kernel.MatrixKernels;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Causal multi-head softmax attention with partial rotary embedding (transformers' Phi). */
final class PhiAttention implements Mixer {

  private final Linear query;
  private final Linear key;
  private final Linear value;
  private final Linear dense;
  private final Rotary rotary;
  private final CausalMask mask;
  private final int heads;

  PhiAttention(
      ParameterSource source, String name, int width, int heads, Rotary rotary, CausalMask mask) {
    this.query = Linear.from(source, name + ".q_proj", width, width);
    this.key = Linear.from(source, name + ".k_proj", width, width);
    this.value = Linear.from(source, name + ".v_proj", width, width);
    this.dense = Linear.from(source, name + ".dense", width, width);
    this.heads = heads;
    this.rotary = rotary;
    this.mask = mask;
    source.derived(name + ".rotary_emb.inv_freq", rotary.frequencies());
  }

  @Override
  public NDArray forward(NDArray u) {
    return forward(u, queriesAndKeys(u));
  }

  /**
   * Rotated queries and keys.
   *
   * @param queries (batch, length, heads, head size)
   * @param keys like queries
   */
  record QueriesAndKeys(NDArray queries, NDArray keys) {}

  QueriesAndKeys queriesAndKeys(NDArray u) {
    return new QueriesAndKeys(
        rotary.applyByPosition(byPosition(query.forward(u))),
        rotary.applyByPosition(byPosition(key.forward(u))));
  }

  /** What {@link #forward(NDArray)} computes, for callers that need queries and keys too. */
  NDArray forward(NDArray u, QueriesAndKeys rotated) {
    return project(
        Operators.causalAttention(
            Operators.transpose(rotated.queries, 1, 2),
            Operators.transpose(rotated.keys, 1, 2),
            split(value.forward(u))));
  }

  /** Kernels that compare these attention maps with matrices of as many heads. */
  Optional<MatrixKernels> matrixKernels(int otherHeads, int stateSize) {
    if (otherHeads != heads) {
      return Optional.empty();
    }
    int headSize = (int) query.bias().size() / heads;
    return Kernels.like(query.weight().value())
        .flatMap(kernels -> kernels.matrices(heads, headSize, stateSize));
  }

  @Override
  public NDArray matrix(NDArray u) {
    NDArray q = rotary.apply(split(query.forward(u)), 0); // (batch, heads, length, head size)
    NDArray k = rotary.apply(split(key.forward(u)), 0);
    long length = q.getShape().get(2);
    double scale = 1 / Math.sqrt((double) q.getShape().get(3));
    NDArray scores = Operators.scale(Operators.matmul(q, Operators.transpose(k, 2, 3)), scale);
    return Operators.softmax(Operators.add(scores, mask.of(u, length)));
  }

  @Override
  public MixerState start(long batch) {
    NDArray weight = query.weight().value();
    long headSize = weight.getShape().get(0) / heads;
    return new Cached(new KeyValueCache(weight, batch, heads, headSize, rotary.positions()));
  }

  @Override
  public long longestSequence() {
    return rotary.positions();
  }

  /** Attention from new positions to themselves and to those in the cache. */
  private final class Cached implements MixerState {

    private final KeyValueCache cache;

    Cached(KeyValueCache cache) {
      this.cache = cache;
    }

    @Override
    public NDArray advance(NDArray u) {
      int past = Math.toIntExact(cache.length());
      NDArray q = rotary.apply(split(query.forward(u)), past); // (batch, heads, length, head size)
      NDArray k = rotary.apply(split(key.forward(u)), past);
      NDArray v = split(value.forward(u));
      cache.append(k, v);
      return project(past == 0 ? Operators.causalAttention(q, k, v) : attendToCache(u, q, past));
    }

    private NDArray attendToCache(NDArray u, NDArray q, long past) {
      long length = q.getShape().get(2);
      double scale = 1 / Math.sqrt((double) q.getShape().get(3));
      NDArray scores = // (batch, heads, length, past + length)
          Operators.scale(Operators.matmul(q, Operators.transpose(cache.keys(), 2, 3)), scale);
      if (length > 1) {
        NDArray seen = Operators.zeros(u.getManager(), ElementType.of(u), length, past);
        scores = Operators.add(scores, Operators.concatenate(List.of(seen, mask.of(u, length)), 1));
      }
      return Operators.matmul(Operators.softmax(scores), cache.values());
    }

    @Override
    public long bytes() {
      return cache.bytes();
    }

    @Override
    public void close() {
      cache.close();
    }
  }

  /**
   * The output that follows from a matrix made by {@link #matrix} of the same {@code u}: what
   * {@link #forward} computes, for callers that need both.
   */
  NDArray forward(NDArray u, NDArray matrix) {
    return project(Operators.matmul(matrix, split(value.forward(u))));
  }

  /** (batch, length, width) to (batch, heads, length, head size). */
  private NDArray split(NDArray x) {
    return Operators.transpose(byPosition(x), 1, 2);
  }

  /** (batch, length, width) to (batch, length, heads, head size). */
  private NDArray byPosition(NDArray x) {
    long batch = x.getShape().get(0);
    long length = x.getShape().get(1);
    return Operators.reshape(x, batch, length, heads, x.getShape().get(2) / heads);
  }

  /** Joins the heads and applies the output projection. */
  private NDArray project(NDArray y) {
    long batch = y.getShape().get(0);
    long length = y.getShape().get(2);
    long width = heads * y.getShape().get(3);
    return dense.forward(Operators.reshape(Operators.transpose(y, 1, 2), batch, length, width));
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.of(query, key, value, dense).flatMap(l -> l.parameters().stream()).toList();
  }

  @Override
  public List<Parameter> matrixParameters() {
    return Stream.of(query, key).flatMap(l -> l.parameters().stream()).toList();
  }
}
