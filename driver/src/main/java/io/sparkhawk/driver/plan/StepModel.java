package io.sparkhawk.driver.plan;

import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.ParallelSettings;
import io.sparkhawk.executor.train.StageSizes;
import java.util.function.IntPredicate;

/**
 * How long an update takes on one GPU and on several, by what the exchange of gradients and weights
 * leaves visible. Two constants are fitted to measurements with two H100s; docs/planning.md has
 * them with the formulas.
 */
final class StepModel {

  /** Seconds that the computation loses to each byte that a GPU sends beside it. */
  static final double DISTURBANCE = 3.4e-12;

  /** What the slower of several GPUs of a host needs more than one of them alone. */
  static final double SLOWER_OF_MANY = 0.015;

  /**
   * Of the operations of stage 3, a half are the student's backward pass, a quarter the teacher.
   */
  private static final double BACKWARD = 0.5;

  private static final double TEACHER = 0.25;
  private static final double NEARLY_ALL = 0.95;
  private static final int MOST_SEQUENCES = 1 << 18;

  private final StageSizes sizes;
  private final PassTime passes;
  private final ParallelSettings parallel;
  private final Link within;

  StepModel(StageSizes sizes, PassTime passes, ParallelSettings parallel, Link within) {
    this.sizes = sizes;
    this.passes = passes;
    this.parallel = parallel;
    this.within = within;
  }

  /**
   * Seconds of an update, part by part.
   *
   * @param passes forward and backward over all micro-batches
   * @param update of the weights
   * @param disturbed what the passes take longer beside other GPUs and the exchange
   * @param exposed waiting for gradients and weights
   */
  record Step(double passes, double update, double disturbed, double exposed) {

    double seconds() {
      return passes + update + disturbed + exposed;
    }
  }

  /**
   * An update of several GPUs.
   *
   * @param sequences of each GPU
   * @param microBatch the most sequences that are computed at once
   * @param link what connects them, or their hosts
   */
  Step step(int gpus, int sequences, int microBatch, Link link) {
    double computing = seconds(sequences, microBatch);
    long updated =
        parallel.shardsWithNccl() ? sizes.trainedElements() / gpus : sizes.trainedElements();
    if (gpus == 1) {
      return new Step(computing, passes.update(sizes.trainedElements()), 0, 0);
    }
    double disturbed = SLOWER_OF_MANY * computing + DISTURBANCE * traffic(gpus).bytes();
    double exposed = exposed(gpus, Math.min(sequences, microBatch), link);
    return new Step(computing, passes.update(updated), disturbed, exposed);
  }

  private double seconds(int sequences, int microBatch) {
    int whole = sequences / microBatch;
    int rest = sequences % microBatch;
    return whole * passes.seconds(microBatch) + (rest > 0 ? passes.seconds(rest) : 0);
  }

  Traffic traffic(int gpus) {
    return Traffic.of(
        sizes.trainedElements(),
        sizes.segments(),
        gpus,
        parallel.shardsWithNccl(),
        parallel.gradientType());
  }

  /** What cannot hide behind the last micro-batch's backward pass and the first one's teacher. */
  private double exposed(int gpus, int sequences, Link link) {
    Traffic traffic = traffic(gpus);
    double pass = passes.seconds(sequences);
    double gradients = traffic.gradientSeconds(link, within);
    double last = sizes.lastSegmentShare() * gradients;
    double weights = traffic.weightSeconds(link, within);
    return Math.max(last, gradients - gradientWindow() * pass)
        + Math.max(0, weights - weightWindow() * pass);
  }

  /** In stages 1 and 2 blocks follow one another, so that a pass has room for both ways. */
  private double gradientWindow() {
    return sizes.stage().name() == StageKind.DISTILL ? BACKWARD : 0.5;
  }

  private double weightWindow() {
    return sizes.stage().name() == StageKind.DISTILL ? TEACHER : 0.5;
  }

  /** The work of one GPU over that of one of several, with the same batch on each. */
  double efficiency(int gpus, int sequences, int microBatch, Link link) {
    return step(1, sequences, microBatch, link).seconds()
        / step(gpus, sequences, microBatch, link).seconds();
  }

  /**
   * The fewest sequences of a pass behind which the exchange hides, all but the last gradients; 0
   * if there is none.
   */
  int hidesFrom(int gpus, Link link) {
    Traffic traffic = traffic(gpus);
    double hidden = (1 - sizes.lastSegmentShare()) * traffic.gradientSeconds(link, within);
    double gradients = hidden / gradientWindow();
    double weights = traffic.weightSeconds(link, within) / weightWindow();
    double needed = Math.max(gradients, weights);
    return gpus == 1 ? 0 : smallest(n -> passes.seconds(n) >= needed);
  }

  /**
   * The fewest sequences of an update on each GPU with which efficiency is at least 95%: of one
   * pass, or whole micro-batches; 0 if there are none.
   */
  int nearlyAllFrom(int gpus, int microBatch, Link link) {
    if (efficiency(gpus, microBatch, microBatch, link) >= NEARLY_ALL) {
      return smallest(n -> efficiency(gpus, n, Math.min(n, microBatch), link) >= NEARLY_ALL);
    }
    return microBatch
        * smallest(n -> efficiency(gpus, n * microBatch, microBatch, link) >= NEARLY_ALL);
  }

  /** The smallest number for which something holds that holds for all larger ones; 0 if none. */
  private static int smallest(IntPredicate holds) {
    if (!holds.test(MOST_SEQUENCES)) {
      return 0;
    }
    int low = 0;
    int high = MOST_SEQUENCES;
    while (high - low > 1) {
      int middle = (low + high) >>> 1;
      if (holds.test(middle)) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return high;
  }
}
