/** How ranks combine their gradients: all-reduce, broadcast, barrier, abort. No model code. */
package io.sparkhawk.executor.collective;
