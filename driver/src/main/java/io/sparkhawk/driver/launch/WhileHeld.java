package io.sparkhawk.driver.launch;

import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StepMetrics;

/** Passes on the events of training, and ends it at the first after the run's hold is lost. */
record WhileHeld(RunHold hold, SupervisionListener listener) implements SupervisionListener {

  @Override
  public void memoryPlanned(long needed, long available) {
    listener.memoryPlanned(needed, available);
  }

  @Override
  public void runEvent(RunEvent event) {
    hold.requireNotLost(); // Before all: nothing is started again in a run that is another's.
    listener.runEvent(event);
  }

  @Override
  public void rankHeard(RankHeartbeat heartbeat) {
    listener.rankHeard(heartbeat);
  }

  @Override
  public void trainingStarted(String stage, long done) {
    hold.requireNotLost();
    listener.trainingStarted(stage, done);
  }

  @Override
  public void step(StepMetrics metrics) {
    hold.requireNotLost(); // At each step, so a storage that answers late must not matter.
    listener.step(metrics);
  }

  @Override
  public void checkpointPublished(PublishedCheckpoint checkpoint) {
    hold.requireHeld();
    listener.checkpointPublished(checkpoint);
  }
}
