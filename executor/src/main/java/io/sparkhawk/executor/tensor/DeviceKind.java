package io.sparkhawk.executor.tensor;

/** Where tensors live. */
public enum DeviceKind {
  CPU,
  GPU
}
