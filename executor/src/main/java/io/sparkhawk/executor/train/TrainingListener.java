package io.sparkhawk.executor.train;

/** Hears from the training thread of one rank; must return quickly and not throw, but for one. */
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
   * All parts of a checkpoint are written, and {@link #step} has told of every step that it holds.
   * It is published when this returns, which may take as long as it takes the listener to make
   * durable what it heard. Called on rank 0, perhaps by another thread than the training one, and
   * the only method that may wait and throw.
   *
   * @param stage the stage's name
   * @param step steps that were made before the checkpoint
   * @throws io.sparkhawk.data.error.SparkhawkException if it must not be published
   */
  default void checkpointReady(String stage, long step) {}

  /**
   * A checkpoint became visible, during this step or an earlier one than was told of last; told on
   * rank 0.
   */
  void checkpointPublished(PublishedCheckpoint checkpoint);
}
