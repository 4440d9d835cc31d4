package io.sparkhawk.driver.launch;

import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.executor.train.TrainingListener;

/**
 * Hears of the training and of what happens to it, on the thread that supervises it. What it throws
 * ends the work, unless it is an {@link io.sparkhawk.data.error.InfrastructureException} of {@code
 * TrainingListener}'s methods: then the work starts again as after a worker's.
 */
public interface SupervisionListener extends TrainingListener {

  /** A restart, another number of workers, a straggler; a restart is told before it is made. */
  default void runEvent(RunEvent event) {}

  /**
   * A rank was heard: with the steps that it made, or because it is alive. In the order in which
   * the driver heard them; rank 0's steps are told to {@link #step} as well, before or after.
   */
  default void rankHeard(RankHeartbeat heartbeat) {}
}
