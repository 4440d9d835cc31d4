package io.sparkhawk.driver.plan;

import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.StageSizes;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/**
 * How long one GPU takes for the passes over a micro-batch, forward and backward, and for an
 * update.
 */
final class PassTime {

  /** Where a time comes from. */
  enum Source {
    /** This stage was measured with this micro-batch. */
    MEASURED,
    /** Between measured micro-batches, or beyond them. */
    INTERPOLATED,
    /** A utilisation that was given. */
    GIVEN,
    /** The utilisation that was measured with other sizes or on another GPU. */
    ASSUMED
  }

  /** AdamW in float32 reads 16 bytes of each weight and writes 12, and 2 of the rounded weight. */
  private static final double UPDATE_BYTES = 30;

  /** The share of the memory's rate that the update reaches, as measured on an H100. */
  private static final double UPDATE_REACHES = 0.81;

  private final Gpu gpu;
  private final double secondsPerSequence; // where nothing was measured
  private final NavigableMap<Integer, Double> measured;
  private final Source otherwise;

  private PassTime(
      Gpu gpu,
      double secondsPerSequence,
      NavigableMap<Integer, Double> measured,
      Source otherwise) {
    this.gpu = gpu;
    this.secondsPerSequence = secondsPerSequence;
    this.measured = measured;
    this.otherwise = otherwise;
  }

  /**
   * Of a stage on a GPU.
   *
   * @param utilisation to use instead of what was measured
   */
  static PassTime of(StageSizes sizes, Gpu gpu, ElementType type, OptionalDouble utilisation) {
    if (utilisation.isEmpty() && Measurements.cover(sizes, gpu, type)) {
      NavigableMap<Integer, Double> passes = new TreeMap<>(Measurements.of(sizes.stage()));
      double update = update(gpu, sizes.trainedElements());
      passes.replaceAll((sequences, seconds) -> seconds - update);
      return new PassTime(gpu, 0, passes, Source.INTERPOLATED);
    }
    double rate =
        gpu.peakFlops() * utilisation.orElseGet(() -> Measurements.utilisation(sizes.stage()));
    return new PassTime(
        gpu,
        sizes.length() * sizes.flopsPerToken() / rate,
        new TreeMap<>(),
        utilisation.isPresent() ? Source.GIVEN : Source.ASSUMED);
  }

  /** Where the time of a pass comes from. */
  Source source(int sequences) {
    return measured.containsKey(sequences) ? Source.MEASURED : otherwise;
  }

  /** Seconds of the passes over so many sequences. */
  double seconds(int sequences) {
    if (measured.isEmpty()) {
      return sequences * secondsPerSequence;
    }
    Optional<Map.Entry<Integer, Double>> exact =
        Optional.ofNullable(measured.floorEntry(sequences)).filter(e -> e.getKey() == sequences);
    return exact.map(Map.Entry::getValue).orElseGet(() -> between(sequences));
  }

  /** On the line through the neighbours; above the largest as fast as that, through 0 for one. */
  private double between(int sequences) {
    Map.Entry<Integer, Double> last = measured.lastEntry();
    if (sequences > last.getKey() || measured.size() == 1) {
      return last.getValue() / last.getKey() * sequences;
    }
    int upper = Math.max(measured.ceilingKey(sequences), measured.higherKey(measured.firstKey()));
    Map.Entry<Integer, Double> from = measured.lowerEntry(upper);
    double slope = (measured.get(upper) - from.getValue()) / (upper - from.getKey());
    return from.getValue() + slope * (sequences - from.getKey());
  }

  /** Seconds in which this GPU updates so many weights. */
  double update(long elements) {
    return update(gpu, elements);
  }

  private static double update(Gpu gpu, long elements) {
    return UPDATE_BYTES * elements / (UPDATE_REACHES * gpu.memoryBandwidth());
  }
}
