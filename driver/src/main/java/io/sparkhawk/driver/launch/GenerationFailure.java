package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.worker.WorkerFailure;
import java.util.OptionalLong;

/** The first cause of the end of a generation, with the step that it was in. */
final class GenerationFailure extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final transient WorkerFailure failure;
  private final transient OptionalLong step;

  /**
   * @param step the step, counted from 1; empty if no worker had begun to train
   */
  GenerationFailure(WorkerFailure failure, OptionalLong step, Throwable jobFailure) {
    super(failure.message(), jobFailure);
    this.failure = failure;
    this.step = step;
  }

  WorkerFailure failure() {
    return failure;
  }

  OptionalLong step() {
    return step;
  }
}
