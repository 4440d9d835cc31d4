package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import java.time.Duration;

/** What happens when workers fail, are lost or are slow. */
public record SupervisionSettings(
    @Setting(
            value =
                "How often in a row a stage is started again from its newest checkpoint after a"
                    + " failure; every new checkpoint begins the count anew. 0 ends the run at the"
                    + " first failure.",
            defaultValue = "5",
            min = 0,
            max = 1000)
        int restarts,
    @Setting(
            value =
                "Fewest workers to train with when executors are lost and do not come back; at most"
                    + " workers, which is also the most that are used. Of the executors that are"
                    + " there as many are used as share the global batch evenly. 0 stands for"
                    + " workers: the run never gets smaller.",
            defaultValue = "0",
            min = 0,
            max = 65536)
        int minWorkers,
    @Setting(
            value =
                "Longest wait for executors, at the start and after one was lost, before training"
                    + " goes on with those that are there.",
            defaultValue = "2m",
            min = 0)
        Duration executorWait,
    @Setting(
            value =
                "A worker is named as a straggler when it computes slower than the median of all by"
                    + " this factor.",
            defaultValue = "2",
            min = 1)
        double stragglerFactor) {

  /** The settings where nothing is said. */
  public static final SupervisionSettings DEFAULT =
      new SupervisionSettings(5, 0, Duration.ofMinutes(2), 2);

  /** The fewest workers of a run that asks for {@code workers}. */
  public int fewest(int workers) {
    return minWorkers == 0 ? workers : minWorkers;
  }
}
