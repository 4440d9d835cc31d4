package io.sparkhawk.executor.train;

import io.sparkhawk.executor.model.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the trained weights of a stage lie in a flat buffer: segment after segment, each
 * parameter's start aligned. It follows from the model and the stage alone, so it is the same on
 * every rank and in every session.
 *
 * @param size elements of the buffer, alignment included
 * @param segments where each segment's parameters lie
 * @param parameters where each parameter lies, by name, in the order of the buffer
 */
public record FlatLayout(long size, List<Range> segments, Map<String, Range> parameters) {

  /** Elements that a parameter's start is aligned to: 64 bytes of float32. */
  private static final long ALIGNMENT = 16;

  /** A run of elements of the buffer. */
  public record Range(long first, long count) {}

  /** Lays out one list of parameters per segment; lists may be empty. */
  public static FlatLayout of(List<List<Parameter>> segments) {
    List<Range> ranges = new ArrayList<>();
    Map<String, Range> named = new LinkedHashMap<>();
    long end = 0;
    for (List<Parameter> segment : segments) {
      long first = end;
      for (Parameter parameter : segment) {
        named.put(parameter.name(), new Range(end, parameter.size()));
        end += aligned(parameter.size());
      }
      ranges.add(new Range(first, end - first));
    }
    return new FlatLayout(end, List.copyOf(ranges), Collections.unmodifiableMap(named));
  }

  /** The elements that a parameter of {@code size} elements takes. */
  static long aligned(long size) {
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
}
