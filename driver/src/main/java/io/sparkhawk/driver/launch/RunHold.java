package io.sparkhawk.driver.launch;

/**
 * This process's right to write into a run's folder, against a second process that was started on
 * the same run.
 */
public interface RunHold extends AutoCloseable {

  /**
   * Returns unless the run is known to be lost; asks no storage.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if another process has taken it over
   */
  void requireNotLost();

  /**
   * Returns if the run is still this process's; called before anything is published.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if another process has taken the run
   *     over, or if the storage cannot be asked
   */
  void requireHeld();

  /** Gives the run back, for the next process to take at once. */
  @Override
  void close();
}
