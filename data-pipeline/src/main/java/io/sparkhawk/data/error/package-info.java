/**
 * Failures, sorted by what the caller should do next; each carries the exit code of the process.
 */
package io.sparkhawk.data.error;
