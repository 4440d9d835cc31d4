/** The training step and its inputs: plan, settings, metrics and results. */
package io.sparkhawk.executor.train;
