package io.sparkhawk.executor.train;

import java.io.Serializable;
import java.util.Objects;
import java.util.Optional;

/**
 * How the ranks are to share the work of an update. It is no part of a run's identity: a run may be
 * resumed with other ones.
 *
 * @param sharding whether each rank keeps and updates a share of the optimizer's state only
 * @param gradientType what gradients are to be kept in; see {@link Parallelism#choose}
 */
public record ParallelSettings(Sharding sharding, GradientType gradientType)
    implements Serializable {

  /** Whether the state is sharded: by NCCL alone where nobody has said. */
  public enum Sharding {
    ON,
    OFF,
    WITH_NCCL
  }

  /** What holds where nothing is set. */
  public static final ParallelSettings DEFAULT =
      new ParallelSettings(Sharding.WITH_NCCL, GradientType.FLOAT32);

  public ParallelSettings {
    Objects.requireNonNull(sharding, "sharding");
    Objects.requireNonNull(gradientType, "gradientType");
  }

  /** Whether ranks that NCCL connects share the optimizer's state. */
  public boolean shardsWithNccl() {
    return sharding != Sharding.OFF;
  }

  /**
   * As a run's settings have them.
   *
   * @param shardOptimizer empty for the default
   */
  public static ParallelSettings of(Optional<Boolean> shardOptimizer, GradientType gradientType) {
    Sharding sharding =
        shardOptimizer.map(on -> on ? Sharding.ON : Sharding.OFF).orElse(Sharding.WITH_NCCL);
    return new ParallelSettings(sharding, gradientType);
  }
}
