package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.tab.TabEvent.StepFigures;
import java.util.ArrayList;
import java.util.List;

/** Figures of some steps in a row, as sums from which means follow, and extremes. */
final class Bucket {

  /** Sum, smallest and largest of the finite values. */
  static final class Spread {
    private double sum;
    private long count;
    private double min = Double.NaN;
    private double max = Double.NaN;

    void add(double value) {
      if (Double.isFinite(value)) {
        sum += value;
        count++;
        min = count == 1 ? value : Math.min(min, value);
        max = count == 1 ? value : Math.max(max, value);
      }
    }

    void add(Spread other) {
      if (other.count > 0) {
        min = count == 0 ? other.min : Math.min(min, other.min);
        max = count == 0 ? other.max : Math.max(max, other.max);
        sum += other.sum;
        count += other.count;
      }
    }

    /** NaN where no value was finite. */
    double mean() {
      return count == 0 ? Double.NaN : sum / count;
    }

    double min() {
      return min;
    }

    double max() {
      return max;
    }
  }

  final long firstStep;
  long lastStep;
  final Spread loss = new Spread();
  final Spread gradientNorm = new Spread();
  final List<Spread> blocks = new ArrayList<>();
  double learningRate;
  double tokens;
  double seconds;
  double computeSeconds;
  double waitSeconds;
  double dataSeconds;
  double checkpointSeconds;

  Bucket(long firstStep) {
    this.firstStep = firstStep;
  }

  /**
   * @param stepTokens tokens of the step
   */
  void add(StepFigures step, double stepTokens) {
    lastStep = step.step();
    loss.add(step.loss());
    gradientNorm.add(step.gradientNorm());
    for (int i = 0; i < step.blocks().size(); i++) {
      block(i).add(step.blocks().get(i));
    }
    learningRate = step.learningRate();
    tokens += stepTokens;
    seconds += step.seconds();
    computeSeconds += step.computeSeconds();
    waitSeconds += step.waitSeconds();
    dataSeconds += step.dataSeconds();
    checkpointSeconds += step.checkpointSeconds();
  }

  /** Adds the steps of the bucket that follows. */
  void add(Bucket next) {
    lastStep = next.lastStep;
    loss.add(next.loss);
    gradientNorm.add(next.gradientNorm);
    for (int i = 0; i < next.blocks.size(); i++) {
      block(i).add(next.blocks.get(i));
    }
    learningRate = next.learningRate;
    tokens += next.tokens;
    seconds += next.seconds;
    computeSeconds += next.computeSeconds;
    waitSeconds += next.waitSeconds;
    dataSeconds += next.dataSeconds;
    checkpointSeconds += next.checkpointSeconds;
  }

  private Spread block(int number) {
    while (blocks.size() <= number) {
      blocks.add(new Spread());
    }
    return blocks.get(number);
  }
}
