package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.kernel.ElementKernels;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.List;
import java.util.Optional;

/**
 * Rotary position embedding on the first entries of each head (transformers, modeling_phi.py).
 * Angles are float32 as in the reference, whatever the model computes in.
 */
final class Rotary {

  private final NDManager manager;
  private final ElementType type;
  private final int dimensions;
  private final double theta;
  private NDArray cosine;
  private NDArray sine;

  /**
   * @param dimensions entries of each head that are rotated, even
   * @param positions positions to prepare; longer sequences extend the tables when they come
   */
  Rotary(NDManager manager, ElementType type, int dimensions, double theta, int positions) {
    this.manager = manager;
    this.type = type;
    this.dimensions = dimensions;
    this.theta = theta;
    fill(positions);
  }

  /** Angle per position of each pair of rotated entries. */
  float[] frequencies() {
    float[] frequencies = new float[dimensions / 2];
    for (int j = 0; j < frequencies.length; j++) {
      frequencies[j] = 1f / (float) Math.pow(theta, (float) (2 * j) / dimensions);
    }
    return frequencies;
  }

  private void fill(int positions) {
    float[] cosines = new float[positions * dimensions];
    float[] sines = new float[positions * dimensions];
    float[] frequencies = frequencies();
    int half = dimensions / 2;
    for (int j = 0; j < half; j++) {
      for (int position = 0; position < positions; position++) {
        float angle = position * frequencies[j];
        int at = position * dimensions + j;
        cosines[at] = cosines[at + half] = (float) Math.cos(angle);
        sines[at] = sines[at + half] = (float) Math.sin(angle);
      }
    }
    this.cosine = TensorScope.detach(table(cosines, positions));
    this.sine = TensorScope.detach(table(sines, positions));
  }

  private NDArray table(float[] values, int positions) {
    return HostMemory.tensor(manager, values, type, positions, dimensions);
  }

  /** The longest sequence. */
  long positions() {
    return cosine.getShape().get(0);
  }

  /**
   * As {@link #apply} from the first position on, with the dimensions in another order.
   *
   * @param x (batch, length, heads, head size)
   */
  NDArray applyByPosition(NDArray x) {
    long length = x.getShape().get(1);
    if (!Gradients.isRecording()
        && length <= positions()
        && ElementKernels.rotates((int) x.getShape().get(3), dimensions)) {
      Optional<Kernels> kernels = Kernels.like(x);
      if (kernels.isPresent()) {
        return kernels.get().elements().rotate(x, cosine, sine);
      }
    }
    return Operators.transpose(apply(Operators.transpose(x, 1, 2), 0), 1, 2);
  }

  /**
   * Rotates queries or keys (batch, heads, length, head size) of the positions from {@code first}.
   */
  NDArray apply(NDArray x, int first) {
    long length = x.getShape().get(2);
    if (first + length > cosine.getShape().get(0)) {
      fill(Math.toIntExact(2 * (first + length)));
    }
    long headSize = x.getShape().get(3);
    long half = dimensions / 2;
    NDArray rotated = Operators.narrow(x, 3, 0, dimensions);
    NDArray swapped =
        Operators.concatenate(
            List.of(
                Operators.negate(Operators.narrow(rotated, 3, half, half)),
                Operators.narrow(rotated, 3, 0, half)),
            3);
    NDArray turned =
        Operators.add(
            Operators.multiply(rotated, Operators.narrow(cosine, 0, first, length)),
            Operators.multiply(swapped, Operators.narrow(sine, 0, first, length)));
    return dimensions == headSize
        ? turned
        : Operators.concatenate(
            List.of(turned, Operators.narrow(x, 3, dimensions, headSize - dimensions)), 3);
  }
}
