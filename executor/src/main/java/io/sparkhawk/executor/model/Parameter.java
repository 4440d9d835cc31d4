package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Optional;

/**
 * A named weight of a model, whose tensor and gradient are views of flat buffers while it is
 * trained. In one step all its gradients come either from recorded passes, to which libtorch may
 * add them itself, or from passes by hand.
 */
public final class Parameter {

  private final String name;
  private NDArray value;
  private Optional<NDArray> gradient = Optional.empty();
  private boolean cleared; // all zeros, as far as passes by hand are concerned

  Parameter(String name, NDArray value) {
    this.name = name;
    this.value = value;
  }

  /** The name in the model's safetensors file. */
  public String name() {
    return name;
  }

  public NDArray value() {
    return value;
  }

  public Shape shape() {
    return value.getShape();
  }

  /** Number of elements. */
  public long size() {
    return value.getShape().size();
  }

  /**
   * Begins to train the weight.
   *
   * @param leaf takes the place of the tensor, which is closed: the same shape
   * @param sum what gradients are added to: the same shape, perhaps in a wider type
   */
  public void train(NDArray leaf, NDArray sum) {
    replace(leaf);
    gradient = Optional.of(sum);
  }

  /** Puts {@code replacement}, of the same shape, in the place of the tensor, which is closed. */
  public void replace(NDArray replacement) {
    if (!replacement.getShape().equals(shape())) {
      throw new IllegalArgumentException(
          name + " has shape " + shape() + ", its replacement " + replacement.getShape());
    }
    value.close();
    value = replacement;
  }

  /** Whether the weight has a gradient. */
  public boolean isTrained() {
    return gradient.isPresent();
  }

  /** Says that the gradient has been set to zero. */
  public void gradientCleared() {
    cleared = true;
  }

  /**
   * What gradients are added to.
   *
   * @throws IllegalStateException if the weight is not trained
   */
  public NDArray gradient() {
    cleared = false;
    return gradient.orElseThrow(() -> new IllegalStateException(name + " is not trained"));
  }

  /** Adds to the gradient, if the weight is trained. */
  void addGradient(NDArray part) {
    gradient.ifPresent(
        sum -> {
          if (cleared) {
            Operators.copy(part, sum); // need not read the zeros
          } else {
            Operators.addInPlace(sum, part);
          }
          cleared = false;
        });
  }

  /** Adds the product of two matrices to the gradient, if the weight is trained. */
  void addProduct(NDArray a, NDArray b) {
    if (cleared && ElementType.of(gradient.orElseThrow()) == ElementType.of(a)) {
      Operators.matrixProductInto(a, b, gradient());
    } else if (isTrained()) {
      addGradient(Operators.matrixProduct(a, b));
    }
  }

  /** Moves what libtorch has collected in the weight's own type to the gradient. */
  public void collectGradient() {
    Gradients.collected(value)
        .ifPresent(
            collected -> {
              try (collected;
                  TensorScope scope = TensorScope.open()) {
                addGradient(collected);
                Operators.zero(collected);
              }
            });
  }
}
