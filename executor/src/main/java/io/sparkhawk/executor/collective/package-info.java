/**
 * How ranks combine their gradients: all-reduce, broadcast, gather, barrier, abort; over a TCP ring
 * or within one process. No model code.
 */
package io.sparkhawk.executor.collective;
