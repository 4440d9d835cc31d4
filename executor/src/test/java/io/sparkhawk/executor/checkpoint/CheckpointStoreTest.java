package io.sparkhawk.executor.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.checkpoint.CheckpointContent.Slice;
import io.sparkhawk.executor.checkpoint.FaultyFileSystem.Put;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.safetensors.SafetensorsFile;
import io.sparkhawk.executor.safetensors.StoredType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class CheckpointStoreTest {

  private static final RunHashes HASHES = new RunHashes("c0", "d0", "t0");
  private static final int SIZE = 1003;

  @TempDir private Path runFolder;
  private CheckpointStore store;
  private float[] parameters;
  private float[] moments;

  @BeforeEach
  void setUp() {
    store = CheckpointStore.open(new Configuration(false), runFolder.toString());
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    parameters = randomValues(random, SIZE);
    moments = randomValues(random, SIZE / 2);
  }

  private static float[] randomValues(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat();
    }
    return values;
  }

  private static CheckpointPosition at(String stage, long step) {
    return new CheckpointPosition(stage, step, false, step, step * 8);
  }

  private static CheckpointPosition endOf(String stage, long step) {
    return new CheckpointPosition(stage, step, true, step, step * 8);
  }

  private CheckpointContent content(CheckpointPosition position, Collective collective) {
    return new CheckpointContent(
        position,
        HASHES,
        Map.of("loss", 2.5, "norm", Double.NaN),
        List.of(
            slice("parameters", parameters, collective), slice("exp_avg", moments, collective)));
  }

  private static Slice slice(String name, float[] whole, Collective collective) {
    int first = whole.length * collective.rank() / collective.worldSize();
    int end = whole.length * (collective.rank() + 1) / collective.worldSize();
    ByteBuffer values = Ranks.buffer(whole).position(first * 4).limit(end * 4);
    return Slice.float32(name, whole.length, first, values);
  }

  private CheckpointManifest save(CheckpointStore into, CheckpointPosition position) {
    Collective alone = SingleProcess.create();
    return into.save(content(position, alone), alone);
  }

  private CheckpointStore faulty(FaultyFileSystem fileSystem) {
    return CheckpointStore.on(
        Storage.of(fileSystem), new org.apache.hadoop.fs.Path(runFolder.toUri()));
  }

  private Path checkpoint(String name) {
    return runFolder.resolve("checkpoints").resolve(name);
  }

  private Path part(CheckpointManifest manifest, int rank) {
    return checkpoint(manifest.name())
        .resolve("attempt-" + manifest.attempt())
        .resolve("part-" + rank + ".safetensors");
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  private float[] loaded(CheckpointManifest manifest, String buffer, int first, int count) {
    ByteBuffer target = ByteBuffer.allocateDirect(4 + count * 4 + 4).order(ByteOrder.nativeOrder());
    target.putFloat(0, -1).putFloat(4 + count * 4, -2).position(4).limit(4 + count * 4);
    store.load(manifest, buffer, first, target);
    assertThat(target.position()).isEqualTo(4);
    assertThat(target.limit()).isEqualTo(4 + count * 4);
    float[] values = Ranks.floats(target);
    assertThat(Ranks.floats(target.clear())).startsWith(-1).endsWith(-2);
    return values;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void anyRangeIsReadBackWhateverWorldSizeWroteIt(int worldSize) throws Exception {
    List<CheckpointManifest> manifests =
        Ranks.onEach(
            worldSize,
            collective -> store.save(content(at("hidden", 500), collective), collective));

    CheckpointManifest manifest = store.newest("hidden").orElseThrow();
    assertThat(manifests).containsOnly(manifest);
    assertThat(manifest.worldSize()).isEqualTo(worldSize);
    assertThat(manifest.position()).isEqualTo(at("hidden", 500));
    assertThat(manifest.hashes()).isEqualTo(HASHES);
    assertThat(manifest.metrics()).isEqualTo(Map.of("loss", 2.5, "norm", Double.NaN));
    assertThat(manifest.buffers().keySet()).containsExactly("exp_avg", "parameters");
    store.verify(manifest);
    assertThat(loaded(manifest, "parameters", 0, SIZE)).containsExactly(parameters);
    assertThat(loaded(manifest, "exp_avg", 0, SIZE / 2)).containsExactly(moments);
    for (int readers = 1; readers <= 4; readers++) {
      for (int rank = 0; rank < readers; rank++) {
        int first = SIZE * rank / readers;
        int count = SIZE * (rank + 1) / readers - first;
        assertThat(loaded(manifest, "parameters", first, count))
            .containsExactly(Arrays.copyOfRange(parameters, first, first + count));
      }
    }
    assertThat(loaded(manifest, "parameters", SIZE, 0)).isEmpty();
  }

  @Test
  void severalRangesAreLoadedInOnePass() {
    CheckpointManifest manifest = save(store, at("hidden", 1));
    ByteBuffer first = Ranks.buffer(new float[3]);
    ByteBuffer second = Ranks.buffer(new float[2]);
    store.load(
        manifest,
        List.of(new BufferRange("parameters", 7, first), new BufferRange("exp_avg", 1, second)));
    assertThat(Ranks.floats(first)).containsExactly(parameters[7], parameters[8], parameters[9]);
    assertThat(Ranks.floats(second)).containsExactly(moments[1], moments[2]);
  }

  @Test
  void partsAreSafetensorsFilesThatAnybodyCanRead() {
    CheckpointManifest manifest = save(store, at("hidden", 1));
    try (SafetensorsFile file = SafetensorsFile.open(part(manifest, 0))) {
      assertThat(file.names()).containsExactly("parameters[0:1003]", "exp_avg[0:501]");
      assertThat(file.metadata()).containsEntry("checkpoint", "hidden-1");
      assertThat(file.tensor("exp_avg[0:501]").data().asFloatBuffer().get(5)).isEqualTo(moments[5]);
    }
  }

  @Test
  void doublePrecisionIsKept() {
    ByteBuffer values = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
    values.putDouble(0, Math.PI).putDouble(8, 1e-300);
    Collective alone = SingleProcess.create();
    Slice slice = new Slice("parameters", StoredType.F64, 2, 0, values);
    CheckpointManifest manifest =
        store.save(new CheckpointContent(at("hidden", 1), HASHES, Map.of(), List.of(slice)), alone);
    ByteBuffer target = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
    store.load(manifest, "parameters", 1, target);
    assertThat(target.getDouble(0)).isEqualTo(1e-300);
  }

  @Test
  void newestIsTheHighestStepAndNotTheLastName() {
    save(store, at("hidden", 900));
    save(store, at("hidden", 1000));
    save(store, at("hidden-more", 5000));
    assertThat(store.newest("hidden").orElseThrow().position().step()).isEqualTo(1000);
    assertThat(store.newest("matrix")).isEmpty();
    assertThat(store.list())
        .extracting(CheckpointManifest::name)
        .containsExactly("hidden-900", "hidden-1000", "hidden-more-5000");
  }

  @Test
  void emptyRunFolderHasNoCheckpoints() {
    assertThat(store.list()).isEmpty();
    assertThat(store.prune("hidden", 1)).isEmpty();
    assertThat(runFolder).isEmptyDirectory();
  }

  @Test
  void stageStartsOnlyFromThePublishedEndOfTheOneBefore() {
    assertThatThrownBy(() -> store.requireCompleted("matrix"))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("Stage matrix is not complete")
        .hasMessageContaining("no checkpoint");
    save(store, at("matrix", 500));
    assertThatThrownBy(() -> store.requireCompleted("matrix"))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("newest checkpoint is step 500");
    CheckpointManifest end = save(store, endOf("matrix", 700));
    assertThat(store.requireCompleted("matrix")).isEqualTo(end);
  }

  @ParameterizedTest
  @CsvSource({"c1,d0,t0,configuration", "c0,d1,t0,data set", "c0,d0,t1,teacher"})
  void checkpointOfAnotherRunIsRefused(
      String configuration, String data, String teacher, String what) {
    CheckpointManifest manifest = save(store, at("matrix", 500));
    store.requireSameRun(manifest, HASHES);
    assertThatThrownBy(
            () -> store.requireSameRun(manifest, new RunHashes(configuration, data, teacher)))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("matrix-500")
        .hasMessageContaining("another " + what);
  }

  @Test
  void anyFlippedBitIsFound() throws Exception {
    CheckpointManifest manifest =
        Ranks.onEach(2, c -> store.save(content(at("hidden", 1), c), c)).get(0);
    Path file = part(manifest, 1);
    byte[] good = Files.readAllBytes(file);
    for (int position = 0; position < good.length; position += 97) {
      byte[] bad = good.clone();
      bad[position] ^= 4;
      Files.write(file, bad);
      assertThatThrownBy(() -> loaded(manifest, "parameters", 0, SIZE))
          .as("byte %d", position)
          .isInstanceOf(DataException.class)
          .hasMessageContaining("part-1.safetensors is corrupt")
          .hasMessageContaining(manifest.parts().get(1).sha256());
    }
    assertThatThrownBy(() -> store.verify(manifest)).isInstanceOf(DataException.class);
    Files.write(file, good);
    store.verify(manifest);
  }

  @Test
  void truncatedAndMissingPartsAreFound() throws IOException {
    CheckpointManifest manifest = save(store, at("hidden", 1));
    byte[] good = Files.readAllBytes(part(manifest, 0));
    Files.write(part(manifest, 0), Arrays.copyOf(good, good.length - 1));
    assertThatThrownBy(() -> store.verify(manifest))
        .isInstanceOf(DataException.class)
        .hasMessageContaining((good.length - 1) + " bytes, but its manifest says " + good.length);
    Files.delete(part(manifest, 0));
    assertThatThrownBy(() -> loaded(manifest, "exp_avg", 0, 1))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("part-0.safetensors is missing");
  }

  @Test
  void rangesThatAreNotThereAreRefused() {
    CheckpointManifest manifest = save(store, at("hidden", 1));
    assertThatThrownBy(() -> store.load(manifest, "exp_avg_sq", 0, Ranks.buffer(1)))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("no buffer exp_avg_sq; it has [exp_avg, parameters]");
    assertThatThrownBy(() -> store.load(manifest, "parameters", SIZE - 1, Ranks.buffer(1, 2)))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("1003 elements");
    assertThatThrownBy(() -> store.load(manifest, "parameters", -1, Ranks.buffer(1, 2)))
        .isInstanceOf(DataException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{}",
        "{\"format\":\"sparkhawk-checkpoint\"}",
        "{\"format\":\"sparkhawk-checkpoint\",\"version\":2}",
        "{\"format\":\"sparkhawk-checkpoint\",\"version\":1}",
        "{\"format\":\"sparkhawk-checkpoint\",\"version\":1,\"version\":1,\"abandoned\":true}"
      })
  void malformedManifestIsNamed(String json) throws IOException {
    save(store, at("hidden", 1));
    Path manifest = checkpoint("hidden-1").resolve("manifest.json");
    Files.writeString(manifest, json);
    assertThatThrownBy(() -> store.newest("hidden"))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(manifest.toString());
  }

  @Test
  void randomlyDamagedManifestGivesOnlyDataExceptionsOrAManifest() throws IOException {
    save(store, at("hidden", 1));
    Path manifest = checkpoint("hidden-1").resolve("manifest.json");
    byte[] good = Files.readAllBytes(manifest);
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
      byte[] bad = good.clone();
      bad[random.nextInt(bad.length)] = (byte) random.nextInt(128);
      try {
        ManifestJson.read("damaged", bad);
      } catch (DataException expected) {
        refused++;
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void manifestThatWasMovedIsRefused() throws IOException {
    save(store, at("hidden", 1));
    Files.move(checkpoint("hidden-1"), checkpoint("hidden-2"));
    assertThatThrownBy(() -> store.newest("hidden"))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("is that of hidden-1");
  }

  @Test
  void halfWrittenAttemptIsIgnored() throws IOException {
    CheckpointManifest published = save(store, at("hidden", 500));
    store
        .startSave(content(at("hidden", 1000), SingleProcess.create()), SingleProcess.create())
        .writePart();
    assertThat(checkpoint("hidden-1000")).isNotEmptyDirectory();
    assertThat(store.newest("hidden")).contains(published);
    assertThat(store.list()).containsExactly(published);

    CheckpointManifest again = save(store, at("hidden", 1000));
    assertThat(store.newest("hidden")).contains(again);
    store.prune("hidden", 2);
    assertThat(names(checkpoint("hidden-1000")))
        .containsExactly("attempt-" + again.attempt(), "manifest.json");
  }

  @Test
  void slicesThatOverlapOrLeaveGapsAreNotPublished() {
    Collective alone = SingleProcess.create();
    Slice left = Slice.float32("parameters", 3, 0, Ranks.buffer(1, 2));
    for (Slice right :
        List.of(
            Slice.float32("parameters", 3, 1, Ranks.buffer(2, 3)),
            Slice.float32("parameters", 3, 2, Ranks.buffer()))) {
      CheckpointContent content =
          new CheckpointContent(at("hidden", 1), HASHES, Map.of(), List.of(left, right));
      assertThatThrownBy(() -> store.save(content, alone))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("buffer parameters");
    }
    assertThat(store.list()).isEmpty();
  }

  @Test
  void ofManyThatPublishTheSameCheckpointOneWins() throws Exception {
    List<CheckpointSave> attempts = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Collective alone = SingleProcess.create();
      attempts.add(store.startSave(content(at("hidden", 1), alone), alone));
      attempts.get(i).writePart();
    }
    List<Throwable> failures =
        attempts.parallelStream()
            .map(attempt -> catchThrowable(() -> attempt.publish(SingleProcess.create())))
            .toList();
    assertThat(failures).filteredOn(failure -> failure == null).hasSize(1);
    assertThat(failures)
        .filteredOn(failure -> failure != null)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("published by another process"));
    store.verify(store.newest("hidden").orElseThrow());
    store.prune("hidden", 1);
    assertThat(names(checkpoint("hidden-1"))).hasSize(2);
  }

  @Test
  void lostReplyOfASuccessfulPublishIsASuccess() throws Exception {
    FaultyFileSystem fileSystem = FaultyFileSystem.create().put(Put.WORKS_BUT_THE_REPLY_IS_LOST);
    CheckpointManifest manifest = save(faulty(fileSystem), at("hidden", 1));
    assertThat(fileSystem.puts()).isEqualTo(1);
    assertThat(store.newest("hidden")).contains(manifest);
  }

  @Test
  void lostRaceIsToldFromALostReply() throws Exception {
    FaultyFileSystem fileSystem = FaultyFileSystem.create();
    CheckpointStore slow = faulty(fileSystem.beforePut(() -> save(store, at("hidden", 1))));
    assertThatThrownBy(() -> save(slow, at("hidden", 1)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("published by another process");
    store.verify(store.newest("hidden").orElseThrow());
  }

  @Test
  void storageThatRefusesThePublishFailsAfterAFewTries() throws Exception {
    FaultyFileSystem fileSystem = FaultyFileSystem.create().put(Put.FAILS);
    assertThatThrownBy(() -> save(faulty(fileSystem), at("hidden", 1)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("is not published")
        .hasMessageContaining("503 Slow Down");
    assertThat(fileSystem.puts()).isEqualTo(3);
    assertThat(store.list()).isEmpty();
  }

  @Test
  void publishThatCannotBeReadBackIsAnUnknownState() throws Exception {
    FaultyFileSystem fileSystem = FaultyFileSystem.create().put(Put.WORKS_BUT_THE_REPLY_IS_LOST);
    fileSystem.unreadable(path -> path.getName().equals("manifest.json") && fileSystem.puts() > 0);
    List<Throwable> failures =
        Ranks.onEach(
            2,
            collective ->
                catchThrowable(
                    () ->
                        faulty(fileSystem).save(content(at("hidden", 1), collective), collective)));
    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(UnknownStateException.class)
                    .hasMessageContaining("unknown whether checkpoint")
                    .hasMessageContaining("manifest.json"));
  }

  @Test
  void fullDiskOfOneRankFailsTheSaveOnAllAndLeavesNothing() throws Exception {
    FaultyFileSystem fileSystem =
        FaultyFileSystem.create().diskFullFor(path -> path.getName().equals("part-1.safetensors"));
    List<Throwable> failures =
        Ranks.onEach(
            3,
            collective ->
                catchThrowable(
                    () ->
                        faulty(fileSystem).save(content(at("hidden", 1), collective), collective)));
    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("rank 1 of 3")
                    .hasMessageContaining("no space left on the device"));
    assertThat(store.list()).isEmpty();
    assertThat(checkpoint("hidden-1")).isEmptyDirectory();
  }

  @Test
  void onlyTheNewestAndTheEndsOfAStageAreKept() throws IOException {
    save(store, endOf("matrix", 100));
    for (long step = 100; step <= 500; step += 100) {
      save(store, at("hidden", step));
    }
    assertThat(store.prune("hidden", 2)).containsExactly("hidden-300", "hidden-200", "hidden-100");
    save(store, endOf("hidden", 600));
    assertThat(store.prune("hidden", 1)).containsExactly("hidden-500", "hidden-400");
    assertThat(store.prune("matrix", 1)).isEmpty();
    assertThat(names(runFolder.resolve("checkpoints"))).containsExactly("hidden-600", "matrix-100");
    store.list().forEach(store::verify);
  }

  @Test
  void unfinishedCheckpointIsSweptOnlyWhenANewerOneIsPublished() throws IOException {
    CheckpointSave stale =
        store.startSave(content(at("hidden", 100), SingleProcess.create()), SingleProcess.create());
    stale.writePart();
    assertThat(store.prune("hidden", 1)).isEmpty();
    assertThat(names(checkpoint("hidden-100"))).hasSize(1);

    save(store, at("hidden", 200));
    CheckpointSave running =
        store.startSave(content(at("hidden", 300), SingleProcess.create()), SingleProcess.create());
    running.writePart();
    assertThat(store.prune("hidden", 1)).containsExactly("hidden-100");
    assertThat(store.prune("hidden", 1)).isEmpty();
    assertThat(store.newest("hidden").orElseThrow().position().step()).isEqualTo(200);

    assertThatThrownBy(() -> stale.publish(SingleProcess.create()))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("hidden-100 is not published")
        .hasMessageContaining("gone on without it");
    running.publish(SingleProcess.create());
    store.verify(store.newest("hidden").orElseThrow());
    assertThat(store.newest("hidden").orElseThrow().position().step()).isEqualTo(300);
  }

  @Test
  void abandonedCheckpointIsSavedAnewWhenTheRunReachesItAgain() throws IOException {
    store
        .startSave(content(at("hidden", 100), SingleProcess.create()), SingleProcess.create())
        .writePart();
    save(store, at("hidden", 200));
    assertThat(store.prune("hidden", 1)).containsExactly("hidden-100");
    assertThat(names(checkpoint("hidden-100"))).containsExactly("manifest.json");

    CheckpointManifest again = save(store, at("hidden", 100));
    store.verify(again);
    assertThat(store.list())
        .extracting(CheckpointManifest::name)
        .containsExactly("hidden-100", "hidden-200");
  }

  @Test
  void unusableRunFolderIsAConfigurationError() {
    assertThatThrownBy(() -> CheckpointStore.open(new Configuration(false), "nowhere://x/y"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("nowhere");
    assertThatThrownBy(() -> CheckpointStore.open(new Configuration(false), ""))
        .isInstanceOf(ConfigurationException.class);
  }

  @Test
  void fileSystemWithoutConditionalCreateIsAConfigurationError() {
    var plain = Storage.of(new org.apache.hadoop.fs.FilterFileSystem(store.fileSystem()));
    CheckpointStore without =
        CheckpointStore.on(plain, new org.apache.hadoop.fs.Path(runFolder.toUri()));
    assertThatThrownBy(() -> save(without, at("hidden", 1)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("no conditional create");
  }

  @Test
  void runFolderThatCannotBeWrittenIsAnInfrastructureFailure() throws IOException {
    Files.writeString(runFolder.resolve("checkpoints"), "a file where a folder should be");
    assertThatThrownBy(() -> save(store, at("hidden", 1)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("Cannot write");
  }
}
