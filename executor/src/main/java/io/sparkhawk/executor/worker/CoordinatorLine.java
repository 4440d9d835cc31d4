package io.sparkhawk.executor.worker;

/** A worker's line to the coordinator. */
@FunctionalInterface
interface CoordinatorLine {

  /**
   * Asks and waits for the answer. Throws an unchecked exception if none comes; then the message
   * may or may not have arrived.
   */
  CoordinatorReply ask(CoordinatorMessage message);
}
