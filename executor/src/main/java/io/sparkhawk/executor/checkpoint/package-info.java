/**
 * What a checkpoint holds and how it becomes visible: parts first, the manifest last. No training.
 */
package io.sparkhawk.executor.checkpoint;
