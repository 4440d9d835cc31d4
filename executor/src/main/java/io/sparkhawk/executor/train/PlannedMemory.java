package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.tensor.Operators;
import java.util.Optional;

/**
 * What a stage needs of the GPU where it is to run.
 *
 * @param available bytes of the GPU's memory
 */
public record PlannedMemory(MemoryPlan plan, long available) {

  /**
   * Plans a workload on a device, on which almost nothing is allocated for it.
   *
   * @param work with or without kernels, which the device decides
   * @return empty on a CPU
   * @throws ConfigurationException if the GPU's memory is too small for it
   */
  static Optional<PlannedMemory> on(Device device, MemoryPlan.Workload work) {
    if (!device.isGpu()) {
      return Optional.empty();
    }
    try (NDManager manager = NDManager.newBaseManager(device, "PyTorch")) {
      NDArray probe = Operators.zeros(manager, work.type(), 1);
      long available = Kernels.totalMemory(probe);
      MemoryPlan.Workload there = work.withKernels(Kernels.like(probe).isPresent());
      return Optional.of(new PlannedMemory(MemoryPlan.fitting(there, available), available));
    }
  }
}
