package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.TensorScope;

/** A tensor that outlives the scopes of single steps until another one takes its place. */
final class HeldTensor implements AutoCloseable {

  private NDArray value;

  /** Holds a tensor that the calling thread has made in its innermost scope. */
  HeldTensor(NDArray value) {
    this.value = TensorScope.detach(value);
  }

  /** Holds a copy, so that a view does not keep the memory that it is cut from. */
  static HeldTensor copyOf(NDArray value) {
    return new HeldTensor(value.duplicate());
  }

  NDArray get() {
    return value;
  }

  /** Frees what is held and holds {@code replacement}, made in the innermost scope. */
  void set(NDArray replacement) {
    value.close();
    value = TensorScope.detach(replacement);
  }

  long bytes() {
    return value.size() * ElementType.of(value).bytes();
  }

  @Override
  public void close() {
    value.close();
  }
}
