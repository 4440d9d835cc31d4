package io.sparkhawk.executor.tensor;

/** What kind of device a worker computes on. */
public enum DeviceKind {
  CPU,
  GPU
}
