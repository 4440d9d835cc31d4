package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.train.TrainingListener;

/** Passes on the events of training, and ends it at the first after the run's hold is lost. */
record WhileHeld(RunHold hold, TrainingListener listener) implements TrainingListener {

  @Override
  public void memoryPlanned(long needed, long available) {
    listener.memoryPlanned(needed, available);
  }

  @Override
  public void step(StepMetrics metrics) {
    hold.requireNotLost(); // At each step, so a storage that answers late must not matter.
    listener.step(metrics);
  }

  @Override
  public void checkpointPublished(String stage, long step, String location) {
    hold.requireHeld();
    listener.checkpointPublished(stage, step, location);
  }
}
