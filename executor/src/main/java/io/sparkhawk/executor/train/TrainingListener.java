package io.sparkhawk.executor.train;

/** Hears from the training thread of one rank; must return quickly and not throw. */
public interface TrainingListener {

  /** Hears nothing. */
  TrainingListener SILENT =
      new TrainingListener() {
        @Override
        public void step(StepMetrics metrics) {}

        @Override
        public void checkpointPublished(String stage, long step, String location) {}
      };

  /** An update was applied on all ranks. */
  void step(StepMetrics metrics);

  /** A checkpoint became visible. */
  void checkpointPublished(String stage, long step, String location);
}
