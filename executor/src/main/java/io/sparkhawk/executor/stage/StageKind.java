package io.sparkhawk.executor.stage;

import java.util.Locale;

/** The three stages of MOHAWK, in their order (arXiv 2408.10189, section 4). */
public enum StageKind {
  /** Stage 1, matrix orientation: the student's mixing matrices approach the teacher's. */
  MATRIX,
  /** Stage 2, hidden-state alignment: each block's output approaches the teacher's. */
  HIDDEN,
  /** Stage 3, end-to-end distillation: the predictions approach the teacher's. */
  DISTILL;

  /** The stage's name in settings, files and messages: matrix, hidden or distill. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
