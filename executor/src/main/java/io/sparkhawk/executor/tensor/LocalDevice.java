package io.sparkhawk.executor.tensor;

import ai.djl.Device;
import ai.djl.engine.Engine;
import io.sparkhawk.data.error.ConfigurationException;

/** The device that this process computes on: one GPU of its host where there are several. */
public final class LocalDevice {

  private static volatile int gpu;

  private LocalDevice() {}

  /**
   * Chooses a GPU of the host for this process, before the first tensor.
   *
   * @param index counted from 0; beyond the last it starts again
   */
  public static void useGpu(int index) {
    gpu = index;
  }

  /**
   * The device of this kind.
   *
   * @throws ConfigurationException if there is none
   */
  public static Device of(DeviceKind kind) {
    if (kind == DeviceKind.CPU) {
      return Device.cpu();
    }
    int count = Engine.getEngine("PyTorch").getGpuCount();
    if (count == 0) {
      throw new ConfigurationException(
          "device is gpu, but PyTorch finds no GPU on this host; check the driver and that"
              + " PyTorch's native library is one for CUDA, or set device to cpu");
    }
    return Device.gpu(gpu % count);
  }
}
