package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Two ranks, as threads of this process, each with a GPU. */
@Tag("gpu")
class NcclSumTest {

  private static final int SIZE = 1 << 20;
  private static final int STEPS = 5;

  @BeforeEach
  void needsTwoGpus() {
    assumeTrue(Engine.getEngine("PyTorch").getGpuCount() >= 2, "two GPUs are needed");
  }

  private static NDArray zeros(NDManager manager) {
    return TensorScope.detach(Operators.zeros(manager, ElementType.FLOAT32, SIZE));
  }

  private static NDManager manager(Collective collective) {
    return NDManager.newBaseManager(Device.gpu(collective.rank()), "PyTorch");
  }

  @Test
  void sumFollowsWhatWasComputedAndPrecedesWhatComesAfter() throws Exception {
    List<float[]> sums =
        Ranks.onEach(
            2,
            collective -> {
              try (NDManager manager = manager(collective);
                  TensorScope scope = TensorScope.open()) {
                NDArray gradients = zeros(manager);
                try (GradientSum sum = GradientSums.of(gradients, collective)) {
                  assertThat(sum).isInstanceOf(NcclSum.class);
                  for (int step = 1; step <= STEPS; step++) {
                    collective.atStep(step);
                    Operators.zero(gradients);
                    gradients.addi(step * (collective.rank() + 1));
                    sum.start(new FlatLayout.Range(SIZE / 2, SIZE / 2));
                    sum.start(new FlatLayout.Range(16, 16));
                    assertThat(sum.await()).isNotNegative();
                    gradients.muli(2);
                  }
                }
                return HostMemory.floats(gradients);
              }
            });
    for (int rank = 0; rank < 2; rank++) {
      float own = 2f * STEPS * (rank + 1);
      for (int i = 0; i < SIZE; i++) {
        boolean summed = i >= SIZE / 2 || (i >= 16 && i < 32);
        assertThat(sums.get(rank)[i]).isEqualTo(summed ? 2f * STEPS * 3 : own);
      }
    }
  }

  @Test
  void rankThatNeverComesEndsTheOtherWithItsName() throws Exception {
    Ranks.onEach(
        2,
        collective -> {
          try (NDManager manager = manager(collective);
              TensorScope scope = TensorScope.open();
              GradientSum sum = GradientSums.of(zeros(manager), collective)) {
            collective.atStep(1);
            sum.start(new FlatLayout.Range(0, SIZE)); // the GPUs connect in the first sum
            sum.await();
            collective.atStep(2);
            if (collective.rank() == 0) {
              sum.start(new FlatLayout.Range(0, SIZE));
              assertThatThrownBy(sum::await)
                  .isInstanceOf(InfrastructureException.class)
                  .hasMessageContaining("step 2");
            } else {
              collective.abort("it left");
            }
            return null;
          }
        });
  }
}
