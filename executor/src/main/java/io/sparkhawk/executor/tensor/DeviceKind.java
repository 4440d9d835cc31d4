package io.sparkhawk.executor.tensor;

import ai.djl.Device;

/** Where tensors live. */
public enum DeviceKind {
  CPU,
  GPU;

  /** DJL's name for the {@code index}-th device of this kind; the index means nothing for CPU. */
  public Device device(int index) {
    return this == CPU ? Device.cpu() : Device.gpu(index);
  }
}
