package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The trained weights of a model in one buffer, their gradients in another, segment after segment.
 * The model's parameters become views of the first, and backward passes add straight into the
 * second.
 */
public final class FlatParameters implements AutoCloseable {

  /** Elements that a parameter's start is aligned to: 64 bytes of float32. */
  private static final long ALIGNMENT = 16;

  /** A run of elements of the flat buffers. */
  public record Range(long first, long count) {}

  private final NDManager manager;
  private final NDArray values;
  private final NDArray gradients;
  private final List<Range> segments;
  private final Map<String, Range> parameters;

  private FlatParameters(
      NDManager manager,
      long size,
      ElementType type,
      List<Range> segments,
      Map<String, Range> map) {
    this.manager = manager;
    this.values = TensorScope.detach(Operators.zeros(manager, type, size));
    this.gradients = TensorScope.detach(Operators.zeros(manager, type, size));
    this.segments = List.copyOf(segments);
    this.parameters = map;
  }

  /**
   * Moves the parameters of all segments into flat buffers owned by a child of {@code manager}.
   *
   * @param segments one list per segment, which may be empty
   */
  public static FlatParameters of(
      NDManager manager, ElementType type, List<List<Parameter>> segments) {
    List<Range> ranges = new ArrayList<>();
    Map<String, Range> named = new LinkedHashMap<>();
    long end = 0;
    for (List<Parameter> segment : segments) {
      long first = end;
      for (Parameter parameter : segment) {
        named.put(parameter.name(), new Range(end, parameter.size()));
        end += (parameter.size() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      }
      ranges.add(new Range(first, end - first));
    }
    FlatParameters flat = new FlatParameters(manager.newSubManager(), end, type, ranges, named);
    segments.forEach(segment -> segment.forEach(flat::adopt));
    return flat;
  }

  private void adopt(Parameter parameter) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray view = view(values, parameter);
      Operators.copy(parameter.value(), view);
      NDArray leaf = TensorScope.detach(Gradients.leaf(view));
      Gradients.collectInto(leaf, view(gradients, parameter));
      parameter.replace(leaf);
    }
  }

  private NDArray view(NDArray buffer, Parameter parameter) {
    Range range = parameters.get(parameter.name());
    return Operators.reshape(
        Operators.narrow(buffer, 0, range.first(), range.count()), parameter.shape().getShape());
  }

  /** Elements of each buffer, alignment included. */
  public long size() {
    return values.size();
  }

  /** The weights: (size). */
  public NDArray values() {
    return values;
  }

  /** The gradients: (size). */
  public NDArray gradients() {
    return gradients;
  }

  /** Where each segment's parameters lie. */
  public List<Range> segments() {
    return segments;
  }

  /** Where each parameter lies, by name, in the order of the buffer. */
  public Map<String, Range> parameters() {
    return Map.copyOf(parameters);
  }

  @Override
  public void close() {
    manager.close();
  }
}
