package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;

/**
 * Keys and values of the positions that attention has seen, in buffers that double when they are
 * full, up to the model's longest sequence.
 */
final class KeyValueCache implements AutoCloseable {

  private static final long FIRST_CAPACITY = 256;

  private final long longest;
  private final HeldTensor keys; // (batch, heads, capacity, head size)
  private final HeldTensor values; // like keys
  private long length;

  /**
   * @param like a tensor of the element type and the manager that the buffers shall have
   * @param longest positions that the model can take
   */
  KeyValueCache(NDArray like, long batch, long heads, long headSize, long longest) {
    long capacity = Math.min(FIRST_CAPACITY, longest);
    this.longest = longest;
    this.keys = new HeldTensor(buffer(like, batch, heads, capacity, headSize));
    this.values = new HeldTensor(buffer(like, batch, heads, capacity, headSize));
  }

  private static NDArray buffer(NDArray like, long... shape) {
    return Operators.zeros(like.getManager(), ElementType.of(like), shape);
  }

  /** Appends keys and values (batch, heads, new positions, head size). */
  void append(NDArray newKeys, NDArray newValues) {
    long added = newKeys.getShape().get(2);
    reserve(length + added);
    Operators.copy(newKeys, Operators.narrow(keys.get(), 2, length, added));
    Operators.copy(newValues, Operators.narrow(values.get(), 2, length, added));
    length += added;
  }

  private void reserve(long needed) {
    long capacity = keys.get().getShape().get(2);
    if (needed > capacity) {
      long larger = Math.max(needed, Math.min(longest, 2 * capacity));
      keys.set(enlarged(keys.get(), larger));
      values.set(enlarged(values.get(), larger));
    }
  }

  private NDArray enlarged(NDArray old, long capacity) {
    NDArray larger =
        buffer(old, old.getShape().get(0), old.getShape().get(1), capacity, old.getShape().get(3));
    Operators.copy(Operators.narrow(old, 2, 0, length), Operators.narrow(larger, 2, 0, length));
    return larger;
  }

  /** Positions so far. */
  long length() {
    return length;
  }

  /** All keys: (batch, heads, length, head size). */
  NDArray keys() {
    return Operators.narrow(keys.get(), 2, 0, length);
  }

  /** All values: (batch, heads, length, head size). */
  NDArray values() {
    return Operators.narrow(values.get(), 2, 0, length);
  }

  long bytes() {
    return keys.bytes() + values.bytes();
  }

  @Override
  public void close() {
    keys.close();
    values.close();
  }
}
