package io.sparkhawk.executor.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class HostCopiesTest {

  @Test
  void copyDoesNotChangeWithTheTensor() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch");
        HostCopies copies = new HostCopies()) {
      NDArray tensor = manager.create(new float[] {1, 2, 3, 4, 5});

      List<HostMemory.Part> parts = copies.parts(tensor, 1, 3);
      Operators.scaleInPlace(tensor, 10);

      assertThat(parts).singleElement().extracting(HostMemory.Part::first).isEqualTo(1L);
      assertThat(floats(parts.get(0).bytes())).containsExactly(2, 3, 4);
      assertThat(floats(HostMemory.parts(tensor, 1, 3).get(0).bytes())).containsExactly(20, 30, 40);
      assertThat(copies.parts(tensor, 5, 0)).isEmpty();
    }
  }

  @Test
  void memoryIsUsedAgain() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch");
        HostCopies copies = new HostCopies()) {
      NDArray tensor = manager.create(new float[] {1, 2, 3, 4, 5});
      ByteBuffer first = copies.parts(tensor, 0, 2).get(0).bytes();
      ByteBuffer second = copies.parts(tensor, 2, 3).get(0).bytes();
      Operators.scaleInPlace(tensor, 10);

      copies.reuse();
      copies.parts(tensor, 0, 2);
      assertThat(floats(first)).containsExactly(10, 20);
      assertThat(floats(second)).containsExactly(3, 4, 5);
      copies.parts(tensor, 2, 3);
      assertThat(floats(second)).containsExactly(30, 40, 50);
    }
  }

  private static float[] floats(ByteBuffer bytes) {
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }
}
