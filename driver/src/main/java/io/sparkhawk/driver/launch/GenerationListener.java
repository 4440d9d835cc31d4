package io.sparkhawk.driver.launch;

import io.sparkhawk.driver.coordinator.PaceChange;
import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.train.TrainingListener;

/** Hears what happens in one generation; what it throws ends the generation on all ranks. */
interface GenerationListener extends TrainingListener {

  /** A rank has become a straggler, or has stopped being one. */
  void paceChanged(PaceChange change);

  /** A rank was heard. */
  void rankHeard(RankHeartbeat heartbeat);

  /** Passes on what a plain listener understands. */
  static GenerationListener of(TrainingListener listener) {
    return new GenerationListener() {
      @Override
      public void memoryPlanned(long needed, long available) {
        listener.memoryPlanned(needed, available);
      }

      @Override
      public void trainingStarted(String stage, long done) {
        listener.trainingStarted(stage, done);
      }

      @Override
      public void step(StepMetrics metrics) {
        listener.step(metrics);
      }

      @Override
      public void checkpointPublished(PublishedCheckpoint checkpoint) {
        listener.checkpointPublished(checkpoint);
      }

      @Override
      public void paceChanged(PaceChange change) {}

      @Override
      public void rankHeard(RankHeartbeat heartbeat) {}
    };
  }
}
