package io.sparkhawk.driver.launch;

import io.sparkhawk.data.setting.Setting;
import java.util.Map;

/** The workers that a run asks for. */
public record ClusterSettings(
    @Setting(
            value =
                "Processes that train together, each on its own GPU or its share of the CPU's"
                    + " cores.",
            defaultValue = "2",
            min = 1,
            max = 4096)
        int workers,
    @Setting(
            value =
                "Threads of each worker's tensor operations on the CPU; 0 shares the machine's"
                    + " cores between the workers.",
            defaultValue = "0",
            min = 0,
            max = 1024)
        int threadsPerWorker,
    @Setting(
            value =
                "Java heap of each worker, such as 1g. Tensors live outside of it, in the device's"
                    + " memory or the process's native memory.",
            defaultValue = "1g")
        String workerMemory,
    @Setting(
            value =
                "More settings of Spark, by their own names. What spark-submit was given counts"
                    + " too; what is given here wins.",
            defaultValue = "{}")
        Map<String, String> spark) {

  public ClusterSettings {
    spark = Map.copyOf(spark);
  }

  /** The setting {@code threadsPerWorker}, or the workers' share of this machine's cores. */
  public int threads() {
    return threadsPerWorker > 0
        ? threadsPerWorker
        : Math.max(1, Runtime.getRuntime().availableProcessors() / workers);
  }
}
