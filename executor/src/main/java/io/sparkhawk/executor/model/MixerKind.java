package io.sparkhawk.executor.model;

/**
 * The families of matrices that may stand in for attention (arXiv 2408.10189, the ablation of the
 * matrix mixers). They share projections, convolution, gate and skip and differ in the matrix T of
 * each head, of which only the lower triangle is not 0.
 */
public enum MixerKind {
  /** T_ij = (C_i . B_j) times the product of the decays of positions j+1 to i. */
  MAMBA2("modules.mixers.discrete_mamba2"),
  /** Causal low-rank or linear attention without normalisation: T_ij = C_i . B_j. */
  LOW_RANK("sparkhawk.mixers.low_rank"),
  /** Causal Toeplitz, a long convolution: T_ij = t_{i-j}, the same for every input. */
  TOEPLITZ("sparkhawk.mixers.toeplitz");

  private final String coreType;

  MixerKind(String coreType) {
    this.coreType = coreType;
  }

  /**
   * The {@code CoreType} in a student's config.json. The reference implementation has only Mamba-2;
   * the others are named so that nothing can load them as something else.
   */
  String coreType() {
    return coreType;
  }

  /** Whether the matrix comes of B and C, which are projections of the input. */
  boolean hasStates() {
    return this != TOEPLITZ;
  }

  /** Whether earlier positions fade by a factor that the input chooses. */
  boolean decays() {
    return this == MAMBA2;
  }
}
