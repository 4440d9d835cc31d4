package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;

/** A named weight of a model, whose tensor may be exchanged for a view of a flat buffer. */
public final class Parameter {

  private final String name;
  private NDArray value;

  Parameter(String name, NDArray value) {
    this.name = name;
    this.value = value;
  }

  /** The name in the model's safetensors file. */
  public String name() {
    return name;
  }

  public NDArray value() {
    return value;
  }

  public Shape shape() {
    return value.getShape();
  }

  /** Number of elements. */
  public long size() {
    return value.getShape().size();
  }

  /** Puts {@code replacement}, of the same shape, in the place of the tensor, which is closed. */
  public void replace(NDArray replacement) {
    if (!replacement.getShape().equals(shape())) {
      throw new IllegalArgumentException(
          name + " has shape " + shape() + ", its replacement " + replacement.getShape());
    }
    value.close();
    value = replacement;
  }
}
