package io.sparkhawk.executor.stage;

/** What stage 2 compares in each block. */
public enum HiddenTarget {
  /** The mixer's output with the attention's output. */
  MIXER,
  /** The whole block's output with the teacher block's output. */
  BLOCK
}
