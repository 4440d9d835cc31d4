/** What a checkpoint holds and how it becomes visible. */
package io.sparkhawk.executor.checkpoint;
