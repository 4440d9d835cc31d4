package io.sparkhawk.executor.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.Test;

class GradientsTest {

  @Test
  void gradientsGatherInAFlatBufferOverBackwardPasses() {
    try (NDManager manager = NDManager.newBaseManager();
        TensorScope scope = TensorScope.open()) {
      NDArray flat = manager.create(new float[] {1, 2, 3, 4, 5, 6});
      NDArray gradients = manager.zeros(new Shape(6));
      NDArray leaf = Gradients.leaf(Operators.narrow(flat, 0, 2, 3));
      Gradients.collectInto(leaf, Operators.narrow(gradients, 0, 2, 3));

      for (int pass = 0; pass < 2; pass++) {
        try (Gradients recording = Gradients.record()) {
          NDArray y = Operators.multiply(leaf, leaf).sum();
          Gradients.backward(y, manager.ones(y.getShape()));
        }
      }

      assertThat(gradients.toFloatArray()).containsExactly(0, 0, 12, 16, 20, 0);
    }
  }

  @Test
  void scopesFreeAllThatIsNotKept() {
    try (NDManager manager = NDManager.newBaseManager()) {
      int before = manager.getManagedArrays().size();
      NDArray kept;
      try (TensorScope outer = TensorScope.open()) {
        try (TensorScope inner = TensorScope.open()) {
          NDArray x = manager.ones(new Shape(3));
          kept = inner.keep(Operators.scale(x, 3));
        }
        assertThat(manager.getManagedArrays()).hasSize(before + 1);
        assertThat(kept.toFloatArray()).containsExactly(3, 3, 3);
      }
      assertThat(manager.getManagedArrays()).hasSize(before);
    }
  }
}
