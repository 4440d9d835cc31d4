package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.kernel.NcclCommunicator.Member;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class GradientSumsTest {

  private static NDArray gradients(NDManager manager, float scale) {
    return HostMemory.tensor(
        manager,
        new float[] {scale, 2 * scale, 3 * scale, 4 * scale, 5 * scale},
        ElementType.FLOAT32,
        5);
  }

  @Test
  void runsThatWereStartedAreSummedInPlaceAndOthersStay() throws Exception {
    List<float[]> sums =
        Ranks.onEach(
            3,
            collective -> {
              try (NDManager manager = NDManager.newBaseManager()) {
                NDArray gradients = gradients(manager, collective.rank() + 1);
                try (GradientSum sum = GradientSums.of(gradients, collective)) {
                  sum.start(new FlatLayout.Range(3, 2));
                  sum.start(new FlatLayout.Range(3, 0));
                  sum.start(new FlatLayout.Range(0, 1));
                  assertThat(sum.await()).isNotNegative();
                  assertThat(sum.await()).as("nothing is left to wait for").isNotNegative();
                }
                return gradients.toFloatArray();
              }
            });
    assertThat(sums.get(0)).containsExactly(6, 2, 3, 24, 30);
    assertThat(sums.get(1)).containsExactly(6, 4, 6, 24, 30);
    assertThat(sums.get(2)).containsExactly(6, 6, 9, 24, 30);
  }

  @Test
  void copiesInHostMemoryGiveTheSameSums() throws Exception {
    List<float[]> sums =
        Ranks.onEach(
            2,
            collective -> {
              try (NDManager manager = NDManager.newBaseManager()) {
                NDArray gradients = gradients(manager, collective.rank() + 1);
                try (GradientSum sum = new StagedSum(gradients, collective)) {
                  sum.start(new FlatLayout.Range(1, 2));
                  sum.start(new FlatLayout.Range(4, 1));
                  sum.await();
                }
                return gradients.toFloatArray();
              }
            });
    assertThat(sums.get(0)).containsExactly(1, 6, 9, 4, 15);
    assertThat(sums.get(1)).containsExactly(2, 6, 9, 8, 15);
  }

  @Test
  void failureOfTheCollectiveReachesWhoWaits() throws Exception {
    CyclicBarrier bothHaveChosen = new CyclicBarrier(2);
    Ranks.onEach(
        2,
        collective -> {
          try (NDManager manager = NDManager.newBaseManager();
              GradientSum sum = GradientSums.of(gradients(manager, 1), collective)) {
            bothHaveChosen.await(30, TimeUnit.SECONDS);
            collective.abort("a rank gave up");
            assertThatThrownBy(
                    () -> {
                      sum.start(new FlatLayout.Range(0, 5));
                      sum.await();
                    })
                .isInstanceOf(InfrastructureException.class)
                .hasMessageContaining("rank " + collective.rank());
            return null;
          }
        });
  }

  @Test
  void onlyRankKeepsItsGradients() {
    try (NDManager manager = NDManager.newBaseManager()) {
      NDArray gradients = gradients(manager, 1);
      try (GradientSum sum = GradientSums.of(gradients, SingleProcess.create())) {
        sum.start(new FlatLayout.Range(0, 5));
        assertThat(sum.await()).isZero();
      }
      assertThat(gradients.toFloatArray()).containsExactly(1, 2, 3, 4, 5);
    }
  }

  @Test
  void ncclNeedsTheSameLibraryAndOneGpuForEachRank() {
    Optional<Member> a = Optional.of(new Member(22809, "a"));
    Optional<Member> b = Optional.of(new Member(22809, "b"));
    Optional<Member> older = Optional.of(new Member(22703, "b"));
    assertThat(GradientSums.obstacle(List.of(a, b))).isEmpty();
    assertThat(GradientSums.obstacle(List.of(a, b, a)))
        .hasValueSatisfying(reason -> assertThat(reason).contains("rank 2", "shares its GPU"));
    assertThat(GradientSums.obstacle(List.of(a, Optional.empty())))
        .hasValueSatisfying(reason -> assertThat(reason).contains("rank 1", "no NCCL"));
    assertThat(GradientSums.obstacle(List.of(a, older)))
        .hasValueSatisfying(reason -> assertThat(reason).contains("versions", "22809", "22703"));
  }
}
