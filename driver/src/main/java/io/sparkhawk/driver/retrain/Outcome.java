package io.sparkhawk.driver.retrain;

import java.util.List;

/**
 * How a round ended.
 *
 * @param version the version that it was promoted as; 0 if it was not
 * @param abandoned whether a person gave the round up before its end
 * @param reasons why it was not promoted
 */
public record Outcome(long version, boolean abandoned, List<String> reasons) {

  static final Outcome ABANDONED =
      new Outcome(0, true, List.of("a person gave the round up with --abandon"));

  public Outcome {
    reasons = List.copyOf(reasons);
  }

  /** Whether the round's student went into production. */
  public boolean promoted() {
    return version > 0;
  }
}
