package io.sparkhawk.executor.evaluate;

/**
 * How well a continuation follows its context.
 *
 * @param logLikelihood sum of the logarithms of its tokens' probabilities, natural
 * @param greedy whether each of its tokens is the most probable one
 */
record Score(double logLikelihood, boolean greedy) {}
