package io.sparkhawk.driver.launch;

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
}
