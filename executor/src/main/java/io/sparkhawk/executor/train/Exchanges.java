package io.sparkhawk.executor.train;

import io.sparkhawk.executor.collective.Collective;

/** Makes the exchange between the ranks. */
final class Exchanges {

  private Exchanges() {}

  /** For these parameters, which are sharded as the parallelism says. Called by all ranks. */
  static Exchange of(Parallelism parallelism, FlatParameters parameters, Collective collective) {
    boolean sharded = parallelism.isSharded();
    return switch (parallelism.transport()) {
      case NONE -> new NoExchange();
      case HOST -> new HostExchange(parameters, collective, sharded);
      case STAGED -> new StagedExchange(parameters, collective, sharded);
      case NCCL -> NcclExchange.join(parallelism, parameters, collective);
    };
  }
}
