package io.sparkhawk.executor.kernel;

/**
 * How an AdamW update is made.
 *
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param clipNorm largest norm of the gradient, 0 for any
 */
public record UpdateRule(
    double beta1,
    double beta2,
    double epsilon,
    double weightDecay,
    double learningRate,
    double clipNorm) {}
