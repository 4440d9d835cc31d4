package io.sparkhawk.executor.train;

/**
 * Warm-up, stable, decay: the learning rate rises linearly to its peak, stays, and falls linearly
 * towards 0 in the last steps.
 */
record Schedule(double peak, long steps, long warmupSteps, long decaySteps) {

  static Schedule of(StageSettings stage) {
    long steps = stage.steps();
    return new Schedule(
        stage.learningRate(),
        steps,
        (long) (steps * stage.warmup()),
        (long) (steps * stage.decay()));
  }

  /** The learning rate of a step, counted from 0; the first and the last are above 0. */
  double learningRate(long step) {
    double rising = warmupSteps == 0 ? 1 : (step + 1.0) / warmupSteps;
    double falling = decaySteps == 0 ? 1 : (double) (steps - step) / decaySteps;
    return peak * Math.min(1, Math.min(rising, falling));
  }
}
