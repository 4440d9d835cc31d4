package io.sparkhawk.executor.stage;

import ai.djl.ndarray.NDArray;

/** What a stage minimises, computed on one micro-batch at a time. */
public interface Objective {

  /**
   * Runs teacher and student, adds the losses to {@link #losses} and their gradients to those of
   * the trained parameters, all times {@code weight}.
   *
   * @param ids token ids (batch, length)
   * @param weight the micro-batch's share of the global batch
   * @param progress told how far it has come
   */
  void accumulate(NDArray ids, double weight, Progress progress);

  /** Hears how far one micro-batch has come. */
  @FunctionalInterface
  interface Progress {

    /** Called with each segment's number when its gradients are complete. */
    void segmentDone(int segment);

    /** Called before the student's weights are used for the first time. */
    default void studentBegins() {}
  }

  /**
   * Adds only the losses, times {@code weight}: for evaluation.
   *
   * @param ids token ids (batch, length)
   */
  void measure(NDArray ids, double weight);

  /** The losses since the last reset: one for each block, or one of the whole model. */
  LossSum losses();
}
