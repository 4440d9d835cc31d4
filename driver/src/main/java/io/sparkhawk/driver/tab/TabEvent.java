package io.sparkhawk.driver.tab;

import java.util.List;
import org.apache.spark.scheduler.SparkListenerEvent;

/**
 * What the tab is told, over Spark's listener bus, and so what an event log holds of a run. Spark
 * writes it as JSON with the class's name; a history server reads it with this package alone.
 *
 * <p>Figures are floats: seven digits are enough for a chart, and a log of many steps stays small.
 * Times are milliseconds since 1970.
 */
sealed interface TabEvent extends SparkListenerEvent {

  /** When it was told. */
  long time();

  /**
   * The run begins, or goes on.
   *
   * @param run its name
   * @param stages all of its stages, in order
   */
  record RunStarted(long time, String run, List<StagePlan> stages) implements TabEvent {
    public RunStarted {
      stages = List.copyOf(stages);
    }
  }

  /**
   * A stage as it is planned.
   *
   * @param stage its name
   * @param steps updates in all
   * @param tokens tokens in all
   * @param largestLoss a loss that only a model that knows nothing has; NaN where there is no such
   */
  record StagePlan(String stage, long steps, long tokens, float largestLoss) {}

  /**
   * A stage begins or ends.
   *
   * @param state what it is from now on
   * @param seconds how long it trained, once it is done
   */
  record StageChanged(long time, String stage, StageState state, float seconds)
      implements TabEvent {}

  /** How far a stage is. */
  enum StageState {
    WAITING,
    TRAINING,
    DONE
  }

  /** A model was measured on the held-out rows. */
  record Evaluated(long time, String model, float perplexity, long tokens) implements TabEvent {}

  /** Steps of a stage, in order. */
  record StepsMade(long time, String stage, List<StepFigures> steps) implements TabEvent {
    public StepsMade {
      steps = List.copyOf(steps);
    }
  }

  /**
   * One step, as rank 0 tells it.
   *
   * @param step its number, from 1
   * @param tokens of the stage so far
   * @param loss mean of all blocks, or of the model
   * @param blocks loss of each block, NaN where attention is kept; empty in the last stage
   * @param gradientNorm before clipping
   * @param skipped steps of the stage so far whose update was left out
   */
  record StepFigures(
      long step,
      long tokens,
      float loss,
      List<Float> blocks,
      float gradientNorm,
      float learningRate,
      float computeSeconds,
      float waitSeconds,
      float dataSeconds,
      float checkpointSeconds,
      float seconds,
      long skipped) {
    public StepFigures {
      blocks = List.copyOf(blocks);
    }
  }

  /**
   * Ranks, as they were last heard.
   *
   * @param work what they do, such as {@code stage distill}
   * @param workers how many there are
   * @param ranks those that were heard since the last event of this kind
   */
  record RanksHeard(long time, String work, int workers, List<RankFigures> ranks)
      implements TabEvent {
    public RanksHeard {
      ranks = List.copyOf(ranks);
    }
  }

  /**
   * One rank. Seconds are sums over the steps that it made since it was last told of.
   *
   * @param heard when it was heard
   * @param step the last step that it made, 0 before the first
   * @param steps how many it made since
   * @param tokens how many of them it trained on itself
   */
  record RankFigures(
      int rank,
      String executor,
      String address,
      long heard,
      long step,
      int steps,
      float tokens,
      float computeSeconds,
      float waitSeconds,
      float dataSeconds,
      float checkpointSeconds,
      float seconds) {}

  /** A checkpoint became visible. */
  record CheckpointMade(long time, String stage, long step, String location, long bytes)
      implements TabEvent {}

  /**
   * Something happened besides: the training went on, a restart, another size, a straggler. The
   * fields are those of {@link io.sparkhawk.driver.progress.RunEvent}.
   *
   * @param kind its kind, in lower case
   */
  record Happened(
      long time,
      String kind,
      String work,
      long step,
      int workers,
      int rank,
      float lostSeconds,
      String sentence)
      implements TabEvent {}

  /**
   * The run is over.
   *
   * @param failure why, if it failed; otherwise empty
   */
  record RunEnded(long time, String failure) implements TabEvent {}
}
