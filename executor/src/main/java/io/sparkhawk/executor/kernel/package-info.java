/**
 * CUDA kernels of our own: their sources are resources, compiled for the card that is there and
 * kept on disk, launched on libtorch's stream. Each has a twin of plain operators elsewhere.
 */
package io.sparkhawk.executor.kernel;
