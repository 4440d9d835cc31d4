/**
 * The training step and its inputs: plan, settings, metrics and results. {@link
 * io.sparkhawk.executor.train.LocalDistillation} is the way in for programs that distil without
 * Spark; docs/library.md has an example.
 */
package io.sparkhawk.executor.train;
