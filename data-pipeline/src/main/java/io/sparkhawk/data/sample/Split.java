package io.sparkhawk.data.sample;

/** The two parts of a data set. */
public enum Split {
  /** Rows to train on. */
  TRAIN,
  /** Rows held out, to measure on. */
  VALIDATION
}
