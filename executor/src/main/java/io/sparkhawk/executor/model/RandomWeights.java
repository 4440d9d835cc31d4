package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;

/**
 * Weights of a teacher that has learned nothing, for measurements: matrices normal with deviation
 * 0.02, as transformers initialises Phi, norms 1 and biases 0. They are made on the device.
 */
final class RandomWeights implements ParameterSource {

  private static final float DEVIATION = 0.02f;

  private final NDManager manager;
  private final ElementType type;

  RandomWeights(NDManager manager, ElementType type) {
    this.manager = manager;
    this.type = type;
  }

  @Override
  public Parameter parameter(String name, long... shape) {
    try (TensorScope scope = TensorScope.open()) {
      NDArray value;
      if (shape.length > 1) {
        NDArray normal = manager.randomNormal(0, DEVIATION, new Shape(shape), DataType.FLOAT32);
        value = Operators.convert(normal, type);
      } else {
        value = Operators.zeros(manager, type, shape);
        Operators.addInPlace(value, name.endsWith("norm.weight") ? 1 : 0);
      }
      return new Parameter(name, TensorScope.detach(value));
    }
  }
}
