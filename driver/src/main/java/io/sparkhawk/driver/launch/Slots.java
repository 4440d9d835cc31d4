package io.sparkhawk.driver.launch;

import java.time.Duration;

/** The executors that workers can run in, one worker in each. */
interface Slots {

  /** How many are there now. */
  int available();

  /**
   * Waits until that many are there, and has those replaced that are lost meanwhile; returns how
   * many are, which may be fewer when the time has passed, or sooner if no more will come.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if the cluster is gone altogether
   */
  int await(int wanted, Duration limit);

  /** Has executors that are gone started anew where that is up to us; returns at once. */
  void replaceLost();

  /**
   * Frees the executors of what a generation that ended has left there: waits a little for its
   * tasks to end, and gives up the executors whose tasks do not.
   */
  void clear();
}
