package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The trained weights of a model in one buffer, their gradients in another, segment after segment.
 * Where the model computes in the buffers' type its parameters become views of the first, and
 * backward passes add straight into the second. Where it computes in bfloat16 the first holds the
 * master weights, and the parameters are views of a third buffer with these weights rounded.
 */
public final class FlatParameters implements AutoCloseable {

  private final NDManager manager;
  private final FlatLayout layout;
  private final NDArray values;
  private final NDArray gradients;
  private final NDArray rounded; // the values themselves where the model computes in their type
  private final List<List<Parameter>> segments;

  private FlatParameters(
      NDManager manager, ElementType type, FlatLayout layout, List<List<Parameter>> segments) {
    this.manager = manager;
    this.layout = layout;
    this.segments = segments;
    this.values = TensorScope.detach(Operators.zeros(manager, type, layout.size()));
    this.gradients = TensorScope.detach(Operators.zeros(manager, type, layout.size()));
    ElementType computed =
        segments.stream()
            .flatMap(List::stream)
            .findFirst()
            .map(parameter -> ElementType.of(parameter.value()))
            .orElse(type);
    this.rounded =
        computed == type
            ? values
            : TensorScope.detach(Operators.zeros(manager, computed, layout.size()));
  }

  /**
   * Moves the parameters of all segments into flat buffers owned by a child of {@code manager}.
   *
   * @param segments one list per segment, which may be empty
   */
  public static FlatParameters of(
      NDManager manager, ElementType type, List<List<Parameter>> segments) {
    FlatParameters flat =
        new FlatParameters(manager.newSubManager(), type, FlatLayout.of(segments), segments);
    segments.forEach(segment -> segment.forEach(flat::adopt));
    return flat;
  }

  private void adopt(Parameter parameter) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      Operators.copy(parameter.value(), view(values, parameter));
      NDArray view = view(rounded, parameter);
      if (isRounded()) {
        Operators.copy(parameter.value(), view);
      }
      NDArray leaf = TensorScope.detach(Gradients.leaf(view));
      NDArray gradient = TensorScope.detach(view(gradients, parameter));
      if (!isRounded()) {
        Gradients.collectInto(leaf, gradient);
      }
      parameter.train(leaf, gradient);
    }
  }

  private NDArray view(NDArray buffer, Parameter parameter) {
    FlatLayout.Range range = layout.parameters().get(parameter.name());
    return Operators.reshape(
        Operators.narrow(buffer, 0, range.first(), range.count()), parameter.shape().getShape());
  }

  /** Moves into the gradients of a segment what its backward pass left elsewhere. */
  public void collect(int segment) {
    if (isRounded()) {
      segments.get(segment).forEach(Parameter::collectGradient);
    }
  }

  /** Makes the model compute with the values as they are now. */
  public void publish() {
    if (isRounded()) {
      Operators.copy(values, rounded);
    }
  }

  /** The weights that the model computes with, which are the values or these rounded: (size). */
  public NDArray computed() {
    return rounded;
  }

  /** The values of each parameter, as views; they belong to the caller's scope. */
  Map<String, NDArray> valuesByName() {
    Map<String, NDArray> views = new LinkedHashMap<>();
    for (List<Parameter> segment : segments) {
      segment.forEach(parameter -> views.put(parameter.name(), view(values, parameter)));
    }
    return views;
  }

  /** Whether the model computes with other values than those that are kept. */
  boolean isRounded() {
    return rounded != values;
  }

  public FlatLayout layout() {
    return layout;
  }

  /** The weights: (size). {@link #publish} after changing them. */
  public NDArray values() {
    return values;
  }

  /** The gradients: (size). */
  public NDArray gradients() {
    return gradients;
  }

  @Override
  public void close() {
    manager.close();
  }
}
