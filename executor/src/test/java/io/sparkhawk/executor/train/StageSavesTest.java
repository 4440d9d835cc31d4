package io.sparkhawk.executor.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.DelegatingCollective;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What training does while the storage is slow, and when it fails. */
@Timeout(120)
class StageSavesTest {

  private static final Path TEACHER = Path.of("src/test/resources/golden/pure/teacher");
  private static final int SEQUENCES = 4;
  private static final int STEPS = 6;

  @TempDir private Path folder;
  private Path data;

  @BeforeEach
  void writeDataSet() throws IOException {
    data = folder.resolve("data");
    TinyDataSet.write(data, 40, 6, 1);
  }

  @AfterEach
  void noThreadIsLeft() throws InterruptedException {
    HookedFiles.beforeCreate(HookedFiles.NOTHING);
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().startsWith("checkpoints of rank")) {
        thread.join(5000); // its pool has ended a moment before
        assertThat(thread.isAlive()).as(thread.getName()).isFalse();
      }
    }
  }

  /** A stage of six steps that is saved after each second one; all checkpoints are kept. */
  private TrainingPlan plan(String run, boolean asynchronous) {
    StageSettings stage =
        new StageSettings(
            StageKind.MATRIX,
            (long) STEPS * SEQUENCES * TinyDataSet.ROW_LENGTH,
            (long) SEQUENCES * TinyDataSet.ROW_LENGTH,
            0,
            2e-3,
            0.2,
            0.2,
            0.1,
            0.9,
            0.95,
            1e-8,
            1,
            TrainedParts.MIXERS,
            HiddenTarget.MIXER,
            false);
    return new TrainingPlan(
        run,
        folder.resolve(run).toString(),
        TEACHER.toString(),
        data.toString(),
        3,
        1_000_000_000,
        DeviceKind.CPU,
        ElementType.FLOAT32,
        ParallelSettings.DEFAULT,
        new StudentSettings(MixerKind.MAMBA2, false, 16, 4, 1, 8, List.of()),
        List.of(stage),
        0,
        new CheckpointSettings(2, 3, asynchronous),
        new EvaluationSettings(0, 0, 2),
        Map.of("fs.file.impl", HookedFiles.class.getName(), "fs.file.impl.disable.cache", "true"),
        folder.resolve("cache").toString(),
        1_000_000_000,
        1);
  }

  /** Keeps what it hears, in words, and lets a test act at a step. */
  private static class Events implements TrainingListener {
    private final List<String> heard = new CopyOnWriteArrayList<>();
    private final List<StepMetrics> steps = new ArrayList<>();
    private final LongConsumer atStep;

    Events(LongConsumer atStep) {
      this.atStep = atStep;
    }

    @Override
    public void step(StepMetrics metrics) {
      heard.add("step " + metrics.step());
      steps.add(metrics);
      atStep.accept(metrics.step());
    }

    @Override
    public void checkpointReady(String stage, long step) {
      heard.add("ready " + step);
    }

    @Override
    public void checkpointPublished(PublishedCheckpoint checkpoint) {
      heard.add("published " + checkpoint.step());
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(30, TimeUnit.SECONDS)) {
        throw new IllegalStateException("training did not go on");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("the write was interrupted", e);
    }
  }

  private List<CheckpointManifest> published(String run) {
    return store(run).list();
  }

  private CheckpointStore store(String run) {
    return CheckpointStore.open(new Configuration(), folder.resolve(run).toString());
  }

  private List<String> publishedNames() {
    return published("run").stream().map(CheckpointManifest::name).toList();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void checkpointIsPublishedAfterItsStepsAreToldAndOnlyIfTheListenerAgrees(boolean asynchronous)
      throws Exception {
    Events listener =
        new Events(step -> {}) {
          @Override
          public void checkpointReady(String stage, long step) {
            super.checkpointReady(stage, step);
            assertThat(publishedNames()).doesNotContain("matrix-" + step);
            if (step == 4) {
              throw new InfrastructureException("the run is another's");
            }
          }
        };
    List<Throwable> failures =
        Ranks.onEach(
            2,
            collective ->
                catchThrowable(
                    () ->
                        StageTrainer.train(
                            plan("run", asynchronous),
                            collective,
                            collective.rank() == 0 ? listener : TrainingListener.SILENT)));

    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("the run is another's"));
    assertThat(listener.heard).containsSubsequence("step 2", "ready 2", "published 2");
    assertThat(listener.heard).containsSubsequence("step 4", "ready 4");
    assertThat(publishedNames()).containsExactly("matrix-2");
    endsInTheBitsOfAnUndisturbedRun();
  }

  /** The bits of all checkpoints of a run. */
  private Map<String, ByteBuffer> bits(String run) {
    Map<String, ByteBuffer> bits = new TreeMap<>();
    for (CheckpointManifest checkpoint : published(run)) {
      checkpoint
          .buffers()
          .forEach(
              (name, info) -> {
                ByteBuffer content = ByteBuffer.allocate((int) info.elements() * Float.BYTES);
                store(run).load(checkpoint, name, 0, content);
                bits.put(checkpoint.name() + " " + name, content.rewind());
              });
    }
    return bits;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void checkpointIsThatOfItsStepThoughTrainingGoesOnWhileItIsWritten(int worldSize)
      throws Exception {
    Ranks.onEach(
        worldSize,
        collective ->
            StageTrainer.train(plan("waiting", false), collective, TrainingListener.SILENT));
    CountDownLatch third = new CountDownLatch(1);
    HookedFiles.beforeCreate(
        path -> {
          if (path.toString().contains("matrix-2")) {
            await(third);
          }
        });

    Events first =
        new Events(
            step -> {
              if (step == 3) {
                third.countDown();
              }
            });
    Ranks.onEach(
        worldSize,
        collective ->
            StageTrainer.train(
                plan("beside", true),
                collective,
                collective.rank() == 0 ? first : TrainingListener.SILENT));

    assertThat(first.heard).containsSubsequence("step 3", "published 2", "published 4");
    assertThat(first.heard).containsSubsequence("step 6", "published 6").endsWith("published 6");
    assertThat(bits("beside")).isEqualTo(bits("waiting")).hasSize(3 * 3);
  }

  @Test
  void nextSaveBeginsWhenTheOneBeforeIsPublishedAndNotEarlier() {
    CountDownLatch waitedFor = new CountDownLatch(1);
    List<Boolean> before = new CopyOnWriteArrayList<>();
    HookedFiles.beforeCreate(
        path -> {
          if (path.toString().contains("matrix-2")) {
            await(waitedFor);
          } else if (path.toString().contains("matrix-4")) {
            before.add(Files.exists(folder.resolve("run/checkpoints/matrix-2/manifest.json")));
          }
        });

    Collective collective = new Exchanges(2, waitedFor::countDown);
    Events events = new Events(step -> {});
    StageTrainer.train(plan("run", true), collective, events);

    assertThat(before).containsExactly(true);
    assertThat(events.heard).containsSubsequence("step 3", "step 4", "published 2", "published 4");
    StepMetrics waited = events.steps.get(4); // told before the checkpoint of step 4 is begun
    assertThat(waited.checkpointSeconds()).isPositive().isLessThan(waited.seconds());
    assertThat(waited.computeSeconds() + waited.checkpointSeconds()).isLessThan(waited.seconds());
  }

  /**
   * A world of one that acts when the ranks have exchanged for the given time that a part is not
   * written yet: once after step 3, and again after step 4 only while training waits.
   */
  private static final class Exchanges extends DelegatingCollective {
    private final Runnable action;
    private int missing;

    Exchanges(int times, Runnable action) {
      super(SingleProcess.create());
      this.missing = times;
      this.action = action;
    }

    @Override
    public List<byte[]> allGather(byte[] bytes) {
      if (bytes.length == 0 && --missing == 0) {
        action.run();
      }
      return super.allGather(bytes);
    }
  }

  @ParameterizedTest
  @CsvSource({"0, true", "1, true", "1, false"})
  void failedWriteEndsTrainingOnAllRanksAndIsMadeUpFor(int rank, boolean asynchronous)
      throws Exception {
    HookedFiles.beforeCreate(
        path -> {
          if (path.toString().contains("matrix-4") && path.getName().contains("part-" + rank)) {
            throw new IOException("the storage is gone");
          }
        });
    List<Throwable> failures =
        Ranks.onEach(
            2,
            collective ->
                catchThrowable(
                    () ->
                        StageTrainer.train(
                            plan("run", asynchronous), collective, TrainingListener.SILENT)));

    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("matrix-4 is not saved")
                    .hasMessageContaining("rank " + rank + " of 2")
                    .hasMessageContaining("the storage is gone"));
    assertThat(publishedNames()).containsExactly("matrix-2");
    endsInTheBitsOfAnUndisturbedRun();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void runThatEndsWhileACheckpointIsWrittenGoesOnFromTheOneBefore(int rank) throws Exception {
    HookedFiles.beforeCreate(
        path -> {
          if (path.toString().contains("matrix-4") && path.getName().contains("part-" + rank)) {
            await(new CountDownLatch(1));
          }
        });
    Ranks.onEach(
        2,
        collective -> {
          Events dying = dyingAt(5);
          assertThatThrownBy(() -> StageTrainer.train(plan("run", true), collective, dying))
              .hasMessage("the power went out");
          return dying;
        });

    assertThat(publishedNames()).containsExactly("matrix-2");
    endsInTheBitsOfAnUndisturbedRun();
  }

  @Test
  void damagedCheckpointEndsTheRunByNameAndWithoutItTheOneBeforeIsTaken() throws Exception {
    Ranks.onEach(
        2,
        collective ->
            assertThatThrownBy(() -> StageTrainer.train(plan("run", false), collective, dyingAt(5)))
                .hasMessage("the power went out"));
    CheckpointManifest newest = store("run").newest("matrix").orElseThrow();
    Path checkpoint = folder.resolve("run/checkpoints").resolve(newest.name());
    Path part = checkpoint.resolve("attempt-" + newest.attempt()).resolve("part-1.safetensors");
    byte[] content = Files.readAllBytes(part);
    content[content.length - 1] ^= 1;
    Files.write(part, content);

    Ranks.onEach(
        2,
        collective ->
            assertThatThrownBy(
                    () ->
                        StageTrainer.train(plan("run", false), collective, TrainingListener.SILENT))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(part + " is corrupt")
                .hasMessageContaining(Checksum.of(part))
                .hasMessageContaining("delete the folder of this checkpoint"));
    assertThat(publishedNames()).containsExactly("matrix-2", "matrix-4");

    FileUtils.deleteDirectory(checkpoint.toFile());
    endsInTheBitsOfAnUndisturbedRun();
  }

  private static Events dyingAt(long last) {
    return new Events(
        step -> {
          if (step == last) {
            throw new IllegalStateException("the power went out");
          }
        });
  }

  private void endsInTheBitsOfAnUndisturbedRun() throws Exception {
    HookedFiles.beforeCreate(HookedFiles.NOTHING);
    Ranks.onEach(
        2,
        collective -> {
          Events resumed = new Events(step -> {});
          StageTrainer.train(plan("run", true), collective, resumed);
          assertThat(resumed.heard).startsWith("step 3");
          return StageTrainer.train(plan("calm", false), collective, TrainingListener.SILENT);
        });
    assertThat(bits("run")).isEqualTo(bits("calm")).hasSize(3 * 3);
  }
}
