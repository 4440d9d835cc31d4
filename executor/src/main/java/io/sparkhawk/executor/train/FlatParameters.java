package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.kernel.ElementKernels;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The trained weights of a model in one buffer, their gradients in another, segment after segment.
 * The parameters become views of the first. Where the model computes in the type of the gradients,
 * backward passes add straight into the second buffer. Where it computes in the type of what is
 * trained, these weights are it; where it computes in bfloat16 a third buffer holds the master
 * weights, of which the first has the rounded values; the master weights are those of this rank's
 * {@link Shard} alone.
 */
public final class FlatParameters implements AutoCloseable {

  private final NDManager manager;
  private final FlatLayout layout;
  private final Shard shard;
  private final NDArray computed;
  private final NDArray gradients;
  private final NDArray values; // the computed ones themselves where they are not rounded
  private final List<List<Parameter>> segments;
  private final boolean collectsInPlace;
  private final Optional<ElementKernels> kernels;

  private FlatParameters(
      NDManager manager,
      ElementType type,
      ElementType gradientType,
      FlatLayout layout,
      Shard shard,
      List<List<Parameter>> segments) {
    this.manager = manager;
    this.layout = layout;
    this.shard = shard;
    this.segments = segments;
    ElementType computedType =
        segments.stream()
            .flatMap(List::stream)
            .findFirst()
            .map(parameter -> ElementType.of(parameter.value()))
            .orElse(type);
    this.computed = zeros(computedType, layout.size());
    this.gradients = zeros(gradientType, layout.size());
    this.values = computedType == type ? computed : zeros(type, shard.size());
    this.collectsInPlace = computedType == gradientType;
    this.kernels = Kernels.like(computed).map(Kernels::elements);
  }

  private NDArray zeros(ElementType type, long size) {
    return TensorScope.detach(Operators.zeros(manager, type, size));
  }

  /**
   * Moves the parameters of all segments into flat buffers owned by a child of {@code manager}; all
   * weights are updated here.
   *
   * @param type of the weights that are trained and of their gradients
   * @param segments one list per segment, which may be empty
   */
  public static FlatParameters of(
      NDManager manager, ElementType type, List<List<Parameter>> segments) {
    return of(manager, type, type, segments, 0, 1);
  }

  /**
   * As above, for the rank {@code rank} of {@code shares} that update a share of each segment.
   *
   * @param gradientType of the gradients alone
   */
  static FlatParameters of(
      NDManager manager,
      ElementType type,
      ElementType gradientType,
      List<List<Parameter>> segments,
      int rank,
      int shares) {
    FlatLayout layout = FlatLayout.of(segments, shares);
    FlatParameters flat =
        new FlatParameters(
            manager.newSubManager(), type, gradientType, layout, Shard.of(layout, rank), segments);
    segments.forEach(segment -> segment.forEach(flat::adopt));
    return flat;
  }

  private void adopt(Parameter parameter) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      NDArray view = view(computed, parameter);
      Operators.copy(parameter.value(), view);
      if (isRounded()) {
        NDArray elements = Operators.reshape(parameter.value(), -1);
        for (Fragment fragment : fragments(parameter)) {
          Operators.copy(narrow(elements, fragment.range()), fragment.values());
        }
      }
      NDArray leaf = TensorScope.detach(Gradients.leaf(view));
      NDArray gradient = TensorScope.detach(view(gradients, parameter));
      if (collectsInPlace) {
        Gradients.collectInto(leaf, gradient);
      }
      parameter.train(leaf, gradient);
    }
  }

  private NDArray view(NDArray buffer, Parameter parameter) {
    return Operators.reshape(
        narrow(buffer, layout.parameters().get(parameter.name())), parameter.shape().getShape());
  }

  static NDArray narrow(NDArray buffer, FlatLayout.Range range) {
    return Operators.narrow(buffer, 0, range.first(), range.count());
  }

  /**
   * Sum of squares of the gradients that this rank updates with: one element, float64. The sums
   * over parts are taken in the accumulation type.
   */
  NDArray sumOfSquares() {
    List<NDArray> ofParts = new ArrayList<>();
    ofParts.add(Operators.zeros(manager, ElementType.FLOAT64, 1));
    for (Shard.Share share : shard.shares()) {
      NDArray parts = squares(narrow(gradients, share.range()));
      ofParts.add(Operators.convert(parts, ElementType.FLOAT64));
    }
    return Operators.sum(Operators.concatenate(ofParts, 0), 0);
  }

  /** Sums of squares of the parts of a run of gradients. */
  private NDArray squares(NDArray run) {
    if (kernels.isPresent()) {
      return kernels.get().sumsOfSquares(run);
    }
    NDArray wide = Operators.convert(run, ElementType.of(values));
    return Operators.reshape(Operators.innerProduct(wide, wide), 1);
  }

  /** Sets all gradients to zero. */
  void clearGradients() {
    Operators.zero(gradients);
    segments.forEach(segment -> segment.forEach(Parameter::gradientCleared));
  }

  /** Moves into the gradients of a segment what its backward pass left elsewhere. */
  public void collect(int segment) {
    if (!collectsInPlace) {
      segments.get(segment).forEach(Parameter::collectGradient);
    }
  }

  /** Makes the model compute with this rank's values of a share as they are now. */
  void publish(Shard.Share share) {
    if (isRounded()) {
      Operators.copy(valuesOf(share), narrow(computed, share.range()));
    }
  }

  /** Makes the model compute with this rank's values as they are now. */
  public void publish() {
    try (TensorScope scope = TensorScope.open()) {
      shard.shares().forEach(this::publish);
    }
  }

  /**
   * A run of a parameter's elements that this rank updates.
   *
   * @param name of the parameter
   * @param range counted in the parameter's elements in row-major order
   * @param values its values, which belong to the caller's scope
   */
  record Fragment(String name, FlatLayout.Range range, NDArray values) {}

  /** This rank's values of all parameters; they belong to the caller's scope. */
  List<Fragment> fragments() {
    return segments.stream()
        .flatMap(List::stream)
        .flatMap(parameter -> fragments(parameter).stream())
        .toList();
  }

  private List<Fragment> fragments(Parameter parameter) {
    FlatLayout.Range whole = layout.parameters().get(parameter.name());
    List<Fragment> fragments = new ArrayList<>();
    for (Shard.Share share : shard.shares()) {
      FlatLayout.Range own = whole.intersection(share.range());
      if (own.count() > 0) {
        NDArray inShare = narrow(valuesOf(share), own.shifted(-share.range().first()));
        fragments.add(new Fragment(parameter.name(), own.shifted(-whole.first()), inShare));
      }
    }
    return fragments;
  }

  /** Whether the model computes with other values than those that are kept. */
  boolean isRounded() {
    return values != computed;
  }

  public FlatLayout layout() {
    return layout;
  }

  /** What this rank updates. */
  Shard shard() {
    return shard;
  }

  /** The weights that the model computes with, which are the values or these rounded: (size). */
  public NDArray computed() {
    return computed;
  }

  /**
   * The weights that are trained: (size), or those of this rank's shard where they are not the
   * computed ones. {@link #publish()} after changing them.
   */
  public NDArray values() {
    return values;
  }

  /** The values of one of this rank's shares, a view. */
  NDArray valuesOf(Shard.Share share) {
    return narrow(values, isRounded() ? share.local() : share.range());
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
