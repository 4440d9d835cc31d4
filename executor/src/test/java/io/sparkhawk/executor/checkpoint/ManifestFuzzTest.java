package io.sparkhawk.executor.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.BufferInfo;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.Part;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.PartSlice;
import io.sparkhawk.executor.safetensors.StoredType;
import io.sparkhawk.testing.Fuzz;
import io.sparkhawk.testing.Mutations;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Manifests of checkpoints that were damaged, or made to do harm. */
@Timeout(120)
class ManifestFuzzTest {

  private static final String PATH = "runs/a/checkpoints/matrix-3/manifest.json";

  private static CheckpointManifest manifest() {
    return new CheckpointManifest(
        "0123456789abcdef0123456789abcdef",
        2,
        new CheckpointPosition("matrix", 3, false, 3, 48),
        new RunHashes("configuration", "data", "teacher"),
        Map.of(
            "weights", new BufferInfo(StoredType.F32, 100),
            "moments", new BufferInfo(StoredType.F32, 60)),
        List.of(
            new Part(700, "a".repeat(64), List.of(new PartSlice("weights", 0, 100))),
            new Part(400, "b".repeat(64), List.of(new PartSlice("moments", 0, 60)))),
        Map.of("loss", 1.5));
  }

  /** What is taken names no path: files are found by attempt, rank and stage, which are checked. */
  @Test
  void damagedManifestIsTakenOrRefusedInASentence() {
    String json = new String(ManifestJson.write(manifest()), StandardCharsets.UTF_8);
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(DataException.class, PATH)
            .within(2 << 20, 100)
            .run(
                3000,
                random -> Mutations.ofJson(random, json),
                content -> ManifestJson.read(PATH, content).ifPresent(ManifestFuzzTest::check));
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }

  private static void check(CheckpointManifest manifest) {
    assertThat(manifest.attempt()).matches("[0-9a-f]{32}");
    assertThat(manifest.name()).matches("[a-z][a-z0-9-]*-[0-9]+");
    for (Part part : manifest.parts()) {
      long data =
          part.slices().stream()
              .mapToLong(
                  slice ->
                      Math.multiplyExact(
                          slice.elements(),
                          (long) manifest.buffers().get(slice.buffer()).type().bytes()))
              .reduce(0, Math::addExact);
      assertThat(data).isBetween(0L, part.bytes());
    }
  }

  @Test
  void partThatIsSmallerThanItsSlicesIsRefused() {
    String json = new String(ManifestJson.write(manifest()), StandardCharsets.UTF_8);
    byte[] forged = json.replace("700", "399").getBytes(StandardCharsets.UTF_8);
    assertThatThrownBy(() -> ManifestJson.read(PATH, forged))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(PATH, "a part of 399 bytes cannot hold its slices");
  }
}
