/**
 * Tasks with known answers, scored by log-likelihood as the lm-evaluation-harness does: reading
 * them, scoring continuations, and the figures that follow.
 */
package io.sparkhawk.executor.evaluate;
