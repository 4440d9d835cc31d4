package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.List;

/**
 * The trained weights of a model in one buffer, their gradients in another, segment after segment.
 * The model's parameters become views of the first, and backward passes add straight into the
 * second.
 */
public final class FlatParameters implements AutoCloseable {

  private final NDManager manager;
  private final FlatLayout layout;
  private final NDArray values;
  private final NDArray gradients;

  private FlatParameters(NDManager manager, ElementType type, FlatLayout layout) {
    this.manager = manager;
    this.layout = layout;
    this.values = TensorScope.detach(Operators.zeros(manager, type, layout.size()));
    this.gradients = TensorScope.detach(Operators.zeros(manager, type, layout.size()));
  }

  /**
   * Moves the parameters of all segments into flat buffers owned by a child of {@code manager}.
   *
   * @param segments one list per segment, which may be empty
   */
  public static FlatParameters of(
      NDManager manager, ElementType type, List<List<Parameter>> segments) {
    FlatParameters flat =
        new FlatParameters(manager.newSubManager(), type, FlatLayout.of(segments));
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
    FlatLayout.Range range = layout.parameters().get(parameter.name());
    return Operators.reshape(
        Operators.narrow(buffer, 0, range.first(), range.count()), parameter.shape().getShape());
  }

  public FlatLayout layout() {
    return layout;
  }

  /** The weights: (size). */
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
