package io.sparkhawk.driver.launch;

import io.sparkhawk.executor.train.StepSamples;
import java.util.Optional;

/**
 * A piece of work for all workers together, which the {@link Supervisor} keeps going.
 *
 * @param name in the words of messages, such as {@code stage matrix}
 * @param samples the samples of the steps that it is made of, if it is training
 */
record Work(String name, Optional<StepSamples> samples) {

  static Work training(String name, StepSamples samples) {
    return new Work(name, Optional.of(samples));
  }

  static Work withoutSteps(String name) {
    return new Work(name, Optional.empty());
  }

  /** Whether that many workers can share it. */
  boolean fits(int workers) {
    return samples.map(steps -> steps.fits(workers)).orElse(true);
  }
}
