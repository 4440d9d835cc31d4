package io.sparkhawk.driver.config;

/** What makes a part of a corpus one that retraining has not seen. */
public enum NewBy {
  /** The date in its path. */
  DATE,
  /** The file, by its path. */
  FILE
}
