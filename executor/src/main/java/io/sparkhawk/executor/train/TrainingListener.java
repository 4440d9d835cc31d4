package io.sparkhawk.executor.train;

/** Hears from the training thread of one rank; must return quickly and not throw. */
public interface TrainingListener {

  /** Hears nothing. */
  TrainingListener SILENT =
      new TrainingListener() {
        @Override
        public void step(StepMetrics metrics) {}

        @Override
        public void checkpointPublished(PublishedCheckpoint checkpoint) {}
      };

  /**
   * A stage begins on GPUs.
   *
   * @param needed bytes that each is predicted to need at the stage's peak
   * @param available bytes that each has
   */
  default void memoryPlanned(long needed, long available) {}

  /**
   * The stage's training begins, or goes on from a checkpoint.
   *
   * @param stage the stage's name
   * @param done steps that were made before
   */
  default void trainingStarted(String stage, long done) {}

  /** A step was made on all ranks; {@link StepMetrics#skippedSteps} tells if it was left out. */
  void step(StepMetrics metrics);

  /**
   * A checkpoint became visible, during this step or an earlier one than was told of last; told on
   * rank 0.
   */
  void checkpointPublished(PublishedCheckpoint checkpoint);
}
