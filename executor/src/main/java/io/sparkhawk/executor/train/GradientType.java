package io.sparkhawk.executor.train;

/** The type in which gradients are summed between GPUs. They are kept in float32 in any case. */
public enum GradientType {
  /** As they are kept. */
  FLOAT32,
  /** Rounded on the way: half the bytes. */
  BFLOAT16
}
