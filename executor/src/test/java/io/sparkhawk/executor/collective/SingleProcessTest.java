package io.sparkhawk.executor.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.InfrastructureException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SingleProcessTest {

  @Test
  void everySumIsTheInput() throws Exception {
    try (Collective collective = SingleProcess.create()) {
      ByteBuffer values = Ranks.buffer(1, 2, 3);
      collective.allReduceSum(values);
      collective.startAllReduceSum(values).get(1, TimeUnit.SECONDS);
      collective.startReduceScatterSum(values).get(1, TimeUnit.SECONDS);
      collective.startAllGather(values).get(1, TimeUnit.SECONDS);
      collective.broadcast(values, 0);
      collective.barrier();
      assertThat(Ranks.floats(values)).containsExactly(1, 2, 3);
      assertThat(collective.allReduceSum(1.5, 2.5)).containsExactly(1.5, 2.5);
      assertThat(collective.allGather(new byte[] {4})).containsExactly(new byte[] {4});
      assertThat(collective.rank()).isZero();
      assertThat(collective.worldSize()).isEqualTo(1);
    }
  }

  @Test
  void wrongBuffersAreRefusedAsInALargerWorld() {
    Collective collective = SingleProcess.create();
    assertThatThrownBy(() -> collective.allReduceSum(ByteBuffer.allocate(4)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> collective.broadcast(ByteBuffer.allocate(4), 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void abortBreaksItForGood() {
    Collective collective = SingleProcess.create();
    collective.abort("told to stop");
    collective.close();
    assertThatThrownBy(collective::barrier)
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("told to stop");
  }
}
