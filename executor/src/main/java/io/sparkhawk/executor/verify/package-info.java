/** Compares what this program computes with vectors that a reference implementation computed. */
package io.sparkhawk.executor.verify;
