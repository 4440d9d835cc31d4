/**
 * CUDA beside libtorch: kernels of our own, whose sources are resources, compiled for the card that
 * is there and kept on disk, launched on libtorch's stream, each with a twin of plain operators
 * elsewhere; and NCCL, which sums tensors over the GPUs of several processes.
 */
package io.sparkhawk.executor.kernel;
