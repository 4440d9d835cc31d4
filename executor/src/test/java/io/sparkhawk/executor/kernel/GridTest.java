package io.sparkhawk.executor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.ConfigurationException;
import org.junit.jupiter.api.Test;

class GridTest {

  @Test
  void blocksCoverAllThatIsCounted() {
    assertThat(Grid.blocks(0, 64)).isZero();
    assertThat(Grid.blocks(1, 64)).isEqualTo(1);
    assertThat(Grid.blocks(64, 64)).isEqualTo(1);
    assertThat(Grid.blocks(65, 64)).isEqualTo(2);
    assertThat(Grid.blocks(1L << 40, 1 << 20)).isEqualTo(1 << 20);
  }

  @Test
  void gridsThatCudaCannotLaunchAreRefusedWithTheirSize() {
    assertThat(Grid.of(Integer.MAX_VALUE, 65535, 65535).y()).isEqualTo(65535);
    assertThatThrownBy(() -> Grid.of(2, 65536))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("2 x 65536 x 1")
        .hasMessageContaining("micro-batches");
    assertThatThrownBy(() -> Grid.of(1, 1, 70000)).isInstanceOf(ConfigurationException.class);
  }
}
