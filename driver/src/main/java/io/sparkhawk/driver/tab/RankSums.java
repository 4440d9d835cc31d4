package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.tab.TabEvent.RankFigures;
import io.sparkhawk.executor.train.StepMetrics;

/** What one rank did since it was last told of. */
final class RankSums {

  private RankHeartbeat last;
  private long step;
  private int steps;
  private double tokens;
  private double computeSeconds;
  private double waitSeconds;
  private double dataSeconds;
  private double checkpointSeconds;
  private double seconds;

  void add(RankHeartbeat heartbeat) {
    last = heartbeat;
    for (StepMetrics made : heartbeat.steps()) {
      step = made.step();
      steps++;
      tokens += (double) made.tokens() / made.step() / heartbeat.workers();
      computeSeconds += made.computeSeconds();
      waitSeconds += made.waitSeconds();
      dataSeconds += made.dataSeconds();
      checkpointSeconds += made.checkpointSeconds();
      seconds += made.seconds();
    }
  }

  /** Whether the rank was heard since {@link #take}. */
  boolean isNew() {
    return last != null;
  }

  /** Gives the sums and begins new ones. */
  RankFigures take() {
    RankFigures figures =
        new RankFigures(
            last.rank(),
            last.executor(),
            last.address(),
            last.time().toEpochMilli(),
            step,
            steps,
            (float) tokens,
            (float) computeSeconds,
            (float) waitSeconds,
            (float) dataSeconds,
            (float) checkpointSeconds,
            (float) seconds);
    last = null;
    steps = 0;
    tokens = 0;
    computeSeconds = 0;
    waitSeconds = 0;
    dataSeconds = 0;
    checkpointSeconds = 0;
    seconds = 0;
    return figures;
  }
}
