package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScanPrecisionTest {

  /** In a bfloat16 state 256 + 1 would be 256 again. */
  @ParameterizedTest
  @ValueSource(ints = {1, 4, 64, 1000})
  void aStateInBfloat16NoticesSmallContributionsToALargeSum(int chunkSize) {
    int length = 1000;
    float[] ones = new float[length];
    Arrays.fill(ones, 1);
    try (NDManager manager = NDManager.newBaseManager();
        Gradients paused = Gradients.pause();
        TensorScope scope = TensorScope.open()) {
      NDArray one = HostMemory.tensor(manager, ones, ElementType.BFLOAT16, 1, length, 1, 1);
      NDArray noDecay = Operators.zeros(manager, ElementType.FLOAT32, 1, length, 1);

      double[] y =
          Operators.toDoubles(
              ChunkedScan.scan(one, one, one, noDecay, chunkSize, new CausalMask(manager)));

      for (int t = 0; t < length; t++) {
        assertThat(y[t]).as("sum of %d ones", t + 1).isEqualTo(t + 1, within(0.01 * (t + 1)));
      }
    }
  }
}
