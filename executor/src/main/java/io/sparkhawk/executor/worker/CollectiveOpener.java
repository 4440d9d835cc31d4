package io.sparkhawk.executor.worker;

import io.sparkhawk.executor.collective.Collective;
import java.io.Serializable;
import java.time.Duration;

/** Builds the collective of a generation in two steps: first everyone listens, then all connect. */
public interface CollectiveOpener extends Serializable {

  /** Starts to listen for peers on a free port of {@code host}. */
  Listening listen(String host);

  /**
   * A worker that peers can reach. Closing it stops listening and does not touch the collective.
   */
  interface Listening extends AutoCloseable {

    /** Where peers reach this worker: {@code host:port}. */
    String address();

    /**
     * Connects to the peers; returns when all ranks have done so.
     *
     * @param timeout limit of this call, and of every later wait for a peer
     */
    Collective connect(Place place, Duration timeout);

    @Override
    void close();
  }
}
