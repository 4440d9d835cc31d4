package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.tab.TabEvent.StepFigures;
import java.util.ArrayList;
import java.util.List;

/**
 * The steps of a stage in at most {@value #CAPACITY} buckets, however many there are: when these
 * are full each two become one, and from then on a bucket takes twice as many steps.
 *
 * <p>A run that goes on from a checkpoint makes some steps again. They have the same figures,
 * except for their times, and the first ones stay.
 */
final class StepSeries {

  /** More points than a chart has room for are of no use. */
  static final int CAPACITY = 400;

  private int level;
  private List<Bucket> buckets = new ArrayList<>();
  private long lastStep;

  /** Adds a step, unless it was there before. */
  void add(StepFigures step) {
    if (step.step() <= lastStep) {
      return;
    }
    lastStep = step.step();
    bucketOf(step.step()).add(step, (double) step.tokens() / step.step());
    if (buckets.size() > CAPACITY) {
      halve();
    }
  }

  private void halve() {
    List<Bucket> narrow = buckets;
    buckets = new ArrayList<>();
    level++;
    for (Bucket bucket : narrow) {
      bucketOf(bucket.firstStep).add(bucket);
    }
  }

  /** The last bucket, or a new one behind it. */
  private Bucket bucketOf(long step) {
    long first = firstOf(step);
    if (buckets.isEmpty() || buckets.get(buckets.size() - 1).firstStep != first) {
      buckets.add(new Bucket(first));
    }
    return buckets.get(buckets.size() - 1);
  }

  /** The first step of the bucket that a step belongs to. */
  private long firstOf(long step) {
    return (((step - 1) >> level) << level) + 1;
  }

  /** A bucket takes {@code 2^level} steps. */
  int level() {
    return level;
  }

  /** The buckets that begin at a step or after it. */
  List<Bucket> from(long step) {
    int first = buckets.size();
    while (first > 0 && buckets.get(first - 1).firstStep >= step) {
      first--;
    }
    return buckets.subList(first, buckets.size());
  }
}
