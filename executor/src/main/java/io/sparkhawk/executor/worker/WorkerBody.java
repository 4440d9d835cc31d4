package io.sparkhawk.executor.worker;

import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.train.TrainingListener;
import java.io.Serializable;

/**
 * The work of one rank, once all ranks have found each other. It travels from the driver to the
 * executors, so an implementation holds only what is serializable.
 *
 * @param <P> the plan, the same on all ranks
 * @param <R> the result; the driver uses that of rank 0
 */
@FunctionalInterface
public interface WorkerBody<P extends Serializable, R extends Serializable> extends Serializable {

  /**
   * Does the work; called once, on the thread of the Spark task. What it throws ends the whole
   * generation.
   *
   * @param collective the ranks; the caller closes it
   * @param listener passes on to the driver what it hears
   */
  R run(P plan, Collective collective, TrainingListener listener) throws Exception;
}
