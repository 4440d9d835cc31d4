package io.sparkhawk.executor.train;

import io.sparkhawk.executor.model.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the trained weights of a stage lie in a flat buffer: segment after segment, each
 * parameter's start aligned, and each segment padded to a whole number of aligned elements for each
 * of its shares. It follows from the model, the stage and the number of shares alone, so it is the
 * same on every rank and in every session.
 *
 * @param size elements of the buffer, alignment and padding included
 * @param shares parts of equal size that each segment can be cut into
 * @param segments where each segment lies, with its padding
 * @param stored where each segment's elements lie in a checkpoint's buffer, which has no padding
 * @param parameters where each parameter lies, by name, in the order of the buffer
 */
public record FlatLayout(
    long size,
    int shares,
    List<Range> segments,
    List<Range> stored,
    Map<String, Range> parameters) {

  /** Elements that a parameter's start is aligned to: 64 bytes of float32. */
  private static final long ALIGNMENT = 16;

  /** A run of elements of the buffer. */
  public record Range(long first, long count) {

    long end() {
      return first + count;
    }

    /** The elements in both ranges; none, somewhere, if there are none. */
    Range intersection(Range other) {
      long start = Math.max(first, other.first);
      return new Range(start, Math.max(0, Math.min(end(), other.end()) - start));
    }

    /** As many elements, {@code by} elements later. */
    Range shifted(long by) {
      return new Range(first + by, count);
    }

    /** One of several parts of equal size. */
    Range share(int index, int shares) {
      return new Range(first + count / shares * index, count / shares);
    }
  }

  /** Lays out one list of parameters per segment; lists may be empty. Nothing is padded. */
  public static FlatLayout of(List<List<Parameter>> segments) {
    return of(segments, 1);
  }

  /** As above, so that each segment can be cut into {@code shares} parts of equal size. */
  static FlatLayout of(List<List<Parameter>> segments, int shares) {
    List<Range> ranges = new ArrayList<>();
    List<Range> stored = new ArrayList<>();
    Map<String, Range> named = new LinkedHashMap<>();
    long end = 0;
    long storedEnd = 0;
    for (List<Parameter> segment : segments) {
      long first = end;
      for (Parameter parameter : segment) {
        named.put(parameter.name(), new Range(end, parameter.size()));
        end += aligned(parameter.size());
      }
      stored.add(new Range(storedEnd, end - first));
      storedEnd += end - first;
      end = first + roundedUp(end - first, ALIGNMENT * shares);
      ranges.add(new Range(first, end - first));
    }
    return new FlatLayout(
        end, shares, List.copyOf(ranges), List.copyOf(stored), Collections.unmodifiableMap(named));
  }

  /**
   * A run of elements as it lies in a checkpoint's buffer.
   *
   * @param range where it lies in the flat buffer
   * @param first where it begins in the checkpoint's
   */
  record Stored(Range range, long first) {}

  /** The elements of a range that a checkpoint holds: all but the padding. */
  List<Stored> stored(Range range) {
    if (shares == 1) {
      return List.of(new Stored(range, range.first)); // nothing is padded
    }
    List<Stored> runs = new ArrayList<>();
    for (int i = 0; i < segments.size(); i++) {
      long shift = stored.get(i).first() - segments.get(i).first();
      Range elements = range.intersection(stored.get(i).shifted(-shift));
      if (elements.count() > 0) {
        runs.add(new Stored(elements, elements.first + shift));
      }
    }
    return runs;
  }

  /** Elements of a checkpoint's buffer. */
  long storedSize() {
    return stored.isEmpty() ? 0 : stored.get(stored.size() - 1).end();
  }

  /** The elements that a parameter of {@code size} elements takes. */
  static long aligned(long size) {
    return roundedUp(size, ALIGNMENT);
  }

  private static long roundedUp(long size, long unit) {
    return (size + unit - 1) / unit * unit;
  }
}
