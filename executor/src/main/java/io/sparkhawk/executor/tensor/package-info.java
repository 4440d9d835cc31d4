/**
 * Tensors: DJL arrays, the operators that DJL lacks, element types, memory scopes and gradients. No
 * models.
 */
package io.sparkhawk.executor.tensor;
