package io.sparkhawk.executor.train;

import io.sparkhawk.executor.tensor.ElementType;

/** The type in which gradients are kept, summed between GPUs and read by the update. */
public enum GradientType {
  /** That of the weights that are trained, which is wider than what bfloat16 models compute in. */
  FLOAT32,
  /** That of models that compute in bfloat16: half the bytes, and nothing is converted. */
  BFLOAT16;

  /** The type of the elements, where models compute in {@code computed}. */
  ElementType of(ElementType computed) {
    return this == BFLOAT16 ? ElementType.BFLOAT16 : computed.accumulationType();
  }
}
