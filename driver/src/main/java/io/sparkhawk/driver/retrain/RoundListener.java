package io.sparkhawk.driver.retrain;

/** Hears how retraining goes, on the thread that does it. What it throws ends the retraining. */
public interface RoundListener {

  /**
   * A round begins, or goes on.
   *
   * @param before whether it was begun by an earlier start of the program
   */
  void roundStarted(Round round, boolean before);

  /** The data set of the round is there. */
  void dataReady(RoundData data);

  /** The models were measured; nothing was decided yet. */
  void measured(Comparison comparison);

  /** The round has ended and its summary is written. */
  void roundEnded(RoundSummary summary, String page);

  /**
   * There is nothing to do.
   *
   * @param reason why
   * @param page the summary that says so
   */
  void nothingNew(String reason, String page);
}
