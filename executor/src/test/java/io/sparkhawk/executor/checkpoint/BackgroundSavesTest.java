package io.sparkhawk.executor.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.checkpoint.CheckpointContent.Slice;
import io.sparkhawk.executor.checkpoint.CheckpointListing.State;
import io.sparkhawk.executor.checkpoint.FaultyFileSystem.Put;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.collective.SingleProcess;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class BackgroundSavesTest {

  private static final Duration LONG = Duration.ofMinutes(1);
  private static final float[] VALUES = {1, 2, 3, 4, 5, 6, 7};

  @TempDir private Path runFolder;
  private FaultyFileSystem fileSystem;
  private CheckpointStore store;
  private final CountDownLatch released = new CountDownLatch(1);
  private final AtomicInteger memoriesFreed = new AtomicInteger();

  @BeforeEach
  void setUp() throws IOException {
    fileSystem = FaultyFileSystem.create();
    store =
        CheckpointStore.on(
            Storage.of(fileSystem), new org.apache.hadoop.fs.Path(runFolder.toUri()));
  }

  @AfterEach
  void noThreadIsLeft() throws InterruptedException {
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().startsWith("checkpoints of rank")) {
        thread.join(5000); // its pool has ended a moment before
        assertThat(thread.isAlive()).as(thread.getName()).isFalse();
      }
    }
  }

  private static CheckpointContent content(long step, Collective collective) {
    int first = VALUES.length * collective.rank() / collective.worldSize();
    int end = VALUES.length * (collective.rank() + 1) / collective.worldSize();
    ByteBuffer values = Ranks.buffer(VALUES).position(first * 4).limit(end * 4);
    return new CheckpointContent(
        new CheckpointPosition("hidden", step, false, step, step),
        new RunHashes("c", "d", "t"),
        Map.of(),
        List.of(Slice.float32("parameters", VALUES.length, first, values)));
  }

  private BackgroundSaves saves(Collective collective, Duration limit) {
    return BackgroundSaves.open(store, 1, collective, limit, memoriesFreed::incrementAndGet);
  }

  /** Lets the write of a part wait until the test releases it. */
  private Consumer<org.apache.hadoop.fs.Path> hold(String part) {
    return path -> {
      if (path.toString().contains(part)) {
        await(released);
      }
    };
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(30, TimeUnit.SECONDS)) {
        throw new IllegalStateException("nobody came");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("the write was interrupted", e);
    }
  }

  @Test
  void allRanksHearOfThePublicationInTheSameCall() throws Exception {
    fileSystem.beforeCreate(hold("part-1"));
    List<Integer> calls =
        Ranks.onEach(
            3,
            collective -> {
              try (BackgroundSaves saves = saves(collective, LONG)) {
                saves.start(content(5, collective));
                int call = 1;
                while (saves.poll().isEmpty()) {
                  if (call == 10 && collective.rank() == 2) {
                    released.countDown();
                  }
                  call++;
                }
                assertThat(saves.isRunning()).isFalse();
                return call;
              }
            });

    assertThat(calls).containsOnly(calls.get(0));
    assertThat(calls.get(0)).isGreaterThan(11); // ten, one for the parts and one for the manifest
    CheckpointManifest published = store.newest("hidden").orElseThrow();
    store.verify(published);
    assertThat(published.worldSize()).isEqualTo(3);
    assertThat(memoriesFreed).hasValue(3);
  }

  @Test
  void publishedCheckpointsReplaceOlderOnes() {
    Collective alone = SingleProcess.create();
    try (BackgroundSaves saves = saves(alone, LONG)) {
      assertThat(saves.await()).isEmpty();
      for (long step = 1; step <= 3; step++) {
        saves.start(content(step, alone));
        Optional<CheckpointManifest> published = saves.await();
        assertThat(published).isEqualTo(store.newest("hidden")).isPresent();
      }
    }
    assertThat(store.list()).extracting(CheckpointManifest::name).containsExactly("hidden-3");
  }

  @Test
  void secondSaveIsNotStartedBesideTheFirst() {
    Collective alone = SingleProcess.create();
    fileSystem.beforeCreate(hold("hidden-1"));
    try (BackgroundSaves saves = saves(alone, LONG)) {
      saves.start(content(1, alone));
      assertThatThrownBy(() -> saves.start(content(2, alone)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("hidden-1 is still being saved");
      released.countDown();
      assertThat(saves.await()).isPresent();
    }
  }

  @Test
  void waitThatIsTooLongSaysWhosePartIsMissing() throws Exception {
    fileSystem.beforeCreate(hold("part-1"));
    List<Throwable> failures =
        Ranks.onEach(
            2,
            collective -> {
              try (BackgroundSaves saves = saves(collective, Duration.ZERO)) {
                saves.start(content(5, collective));
                return catchThrowable(saves::await);
              }
            });

    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("hidden-5")
                    // On a busy machine the other rank has not written its part either.
                    .hasMessageMatching(".* rank (0, )?1 of 2 had not written its part.*"));
    assertThat(store.list()).isEmpty();
  }

  @Test
  void failureOfOneRankIsThrownOnAllAsItWasThere() throws Exception {
    fileSystem.diskFullFor(path -> path.getName().equals("part-1.safetensors"));
    List<Throwable> failures =
        Ranks.onEach(
            3,
            collective -> {
              try (BackgroundSaves saves = saves(collective, LONG)) {
                saves.start(content(5, collective));
                return catchThrowable(saves::await);
              }
            });

    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("hidden-5")
                    .hasMessageContaining("rank 1 of 3")
                    .hasMessageContaining("no space left on the device"));
    assertThat(store.list()).isEmpty();
  }

  @Test
  void publicationThatCannotBeReadBackIsAnUnknownStateOnAllRanks() throws Exception {
    fileSystem.put(Put.WORKS_BUT_THE_REPLY_IS_LOST);
    fileSystem.unreadable(path -> path.getName().equals("manifest.json") && fileSystem.puts() > 0);
    List<Throwable> failures =
        Ranks.onEach(
            2,
            collective -> {
              try (BackgroundSaves saves = saves(collective, LONG)) {
                saves.start(content(5, collective));
                return catchThrowable(saves::await);
              }
            });

    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(UnknownStateException.class)
                    .hasMessageContaining("hidden-5"));
  }

  @Test
  void failureThatNobodyForesawEndsTheWait() {
    fileSystem.beforeCreate(
        path -> {
          throw new UnsupportedOperationException("a mistake of ours");
        });
    Collective alone = SingleProcess.create();
    try (BackgroundSaves saves = saves(alone, LONG)) {
      saves.start(content(5, alone));
      assertThatThrownBy(saves::await)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("hidden-5")
          .hasRootCauseMessage("a mistake of ours");
    }
  }

  @Test
  void saveThatIsGivenUpLeavesNoManifestAndIsSweptLater() {
    Collective alone = SingleProcess.create();
    CountDownLatch begun = new CountDownLatch(1);
    fileSystem.beforePut(
        () -> {
          begun.countDown();
          await(released);
        });
    try (BackgroundSaves saves = saves(alone, LONG)) {
      saves.start(content(1, alone));
      while (begun.getCount() > 0) {
        assertThat(saves.poll()).isEmpty();
        Thread.onSpinWait();
      }
    }
    assertThat(memoriesFreed).hasValue(1);
    assertThat(store.inspect())
        .extracting(CheckpointListing::state)
        .containsExactly(State.UNFINISHED);

    CheckpointStore later = CheckpointStore.open(new Configuration(false), runFolder.toString());
    later.save(content(2, alone), alone);
    assertThat(later.prune("hidden", 1)).containsExactly("hidden-1");
  }
}
