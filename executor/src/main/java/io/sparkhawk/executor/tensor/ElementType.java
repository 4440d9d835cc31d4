package io.sparkhawk.executor.tensor;

/** The types of a tensor's elements that the engine computes with. */
public enum ElementType {
  FLOAT32,
  FLOAT64,
  BFLOAT16
}
