package io.sparkhawk.driver.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.ConfigurationException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelRegistryTest {

  private static final String AT = "2026-11-10T03:00:00Z";

  @TempDir private Path folder;
  private ModelRegistry registry;

  @BeforeEach
  void open() {
    registry =
        ModelRegistry.open(
            new Configuration(), new org.apache.hadoop.fs.Path(folder.toString(), "registry"));
  }

  static ModelVersion version(long number, long round, String model) {
    return new ModelVersion(
        number,
        ModelVersion.Kind.PROMOTION,
        number,
        model,
        AT,
        new ModelScores(20.5, 1000, Map.of("lambada", 0.25)),
        new Lineage(
            round,
            "window-" + round,
            List.of("2026-11-0" + round),
            List.of(round),
            List.of(new Lineage.DataSet("data", "0".repeat(64))),
            "1".repeat(64),
            "teacher",
            "2".repeat(64),
            "",
            "workers: 1\n",
            "3".repeat(64),
            "1.0"));
  }

  @Test
  void aVersionIsReadAsItWasWritten() {
    ModelVersion version = version(1, 1, "a");

    assertThat(registry.production()).isEmpty();
    assertThat(registry.add(version)).isTrue();

    assertThat(registry.versions()).containsExactly(version);
    assertThat(registry.promotionOf(1)).contains(version);
    assertThat(registry.promotionOf(2)).isEmpty();
  }

  @Test
  void aNumberIsGivenOnce() {
    assertThat(registry.add(version(1, 1, "a"))).isTrue();
    assertThat(registry.add(version(1, 2, "b"))).isFalse();
    assertThat(registry.production().orElseThrow().model()).isEqualTo("a");
  }

  @Test
  void ofManyAtOnceOneMakesTheVersion() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Boolean>> attempts = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        ModelVersion own = version(1, i, "model-" + i);
        attempts.add(threads.submit(() -> registry.add(own)));
      }
      int winners = 0;
      for (Future<Boolean> attempt : attempts) {
        winners += attempt.get(60, TimeUnit.SECONDS) ? 1 : 0;
      }
      assertThat(winners).isEqualTo(1);
      assertThat(registry.versions()).hasSize(1);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void rollingBackTwiceGoesTwoPromotionsBack() {
    for (int i = 1; i <= 3; i++) {
      assertThat(registry.add(version(i, i, "model-" + i))).isTrue();
    }

    assertThat(registry.rollBack(OptionalLong.empty(), AT).model()).isEqualTo("model-2");
    assertThat(registry.rollBack(OptionalLong.empty(), AT).model()).isEqualTo("model-1");
    assertThatThrownBy(() -> registry.rollBack(OptionalLong.empty(), AT))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("no version before 1");
    assertThat(registry.rollBack(OptionalLong.of(3), AT).of()).isEqualTo(3);
    assertThat(registry.versions())
        .extracting(ModelVersion::version)
        .containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
  }

  @Test
  void aRollbackThatChangesNothingIsRefused() {
    assertThat(registry.add(version(1, 1, "a"))).isTrue();

    assertThatThrownBy(() -> registry.rollBack(OptionalLong.of(1), AT))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("in production already");
    assertThatThrownBy(() -> registry.rollBack(OptionalLong.of(7), AT))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("no version 7");
  }
}
