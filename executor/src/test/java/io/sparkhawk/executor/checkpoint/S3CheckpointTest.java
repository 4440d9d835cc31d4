package io.sparkhawk.executor.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.checkpoint.CheckpointContent.Slice;
import io.sparkhawk.executor.checkpoint.CheckpointListing.State;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.testing.FaultyNetwork;
import io.sparkhawk.testing.FaultyNetwork.Fault;
import io.sparkhawk.testing.S3Server;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;

/** The protocol of checkpoints on a real S3 server, behind a network that fails. */
@Timeout(120)
class S3CheckpointTest {

  private static final float[] VALUES = values(10_000);
  private static S3Server server;
  private static FaultyNetwork network;
  private static Configuration hadoop;

  private String run;
  private CheckpointStore store;

  private static float[] values(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = i;
    }
    return values;
  }

  @BeforeAll
  static void start() {
    server = S3Server.start();
    server.bucket("checkpoints");
    network = FaultyNetwork.before(server.port());
    hadoop = new Configuration();
    server.hadoopSettings(network.port()).forEach(hadoop::set);
    // The AWS library repeats nothing, and s3a once.
    hadoop.set("fs.s3a.attempts.maximum", "0");
    hadoop.set("fs.s3a.retry.limit", "1");
    hadoop.set("fs.s3a.retry.interval", "50ms");
  }

  @AfterAll
  static void stop() {
    network.close();
    server.close();
  }

  @BeforeEach
  void openStore(TestInfo test) {
    network.heal();
    run = test.getTestMethod().orElseThrow().getName();
    store = CheckpointStore.open(hadoop, "s3a://checkpoints/" + run);
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

  private CheckpointManifest save(long step) {
    Collective alone = SingleProcess.create();
    return store.save(content(step, alone), alone);
  }

  private CheckpointSave begin(long step) {
    Collective alone = SingleProcess.create();
    CheckpointSave save = store.startSave(content(step, alone), alone);
    save.writePart();
    return save;
  }

  private float[] loaded(CheckpointManifest manifest) {
    ByteBuffer target = Ranks.buffer(new float[VALUES.length]);
    store.load(manifest, "parameters", 0, target);
    return Ranks.floats(target);
  }

  private Path file(CheckpointManifest manifest, int rank) {
    return server.object(
        "checkpoints/%s/checkpoints/%s/attempt-%s/part-%d.safetensors"
            .formatted(run, manifest.name(), manifest.attempt(), rank));
  }

  @Test
  void partsOfSeveralRanksArePublishedTogetherAndVerified() throws Exception {
    CheckpointManifest manifest =
        Ranks.onEach(3, ranks -> store.save(content(5, ranks), ranks)).get(0);
    assertThat(store.newest("hidden")).contains(manifest);
    assertThat(loaded(manifest)).containsExactly(VALUES);
    store.verify(manifest);
  }

  @Test
  void ofEightThatPublishTheSameCheckpointOneWins() {
    List<CheckpointSave> attempts = IntStream.range(0, 8).mapToObj(i -> begin(5)).toList();
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
    assertThat(store.inspect())
        .singleElement()
        .extracting(CheckpointListing::state, CheckpointListing::unpublished)
        .containsExactly(State.COMPLETE, 0);
  }

  @Test
  void lostReplyToAPublishedManifestIsASuccess() {
    network.plan(Fault.LOSE_REPLY, 1, "PUT", run + "/checkpoints/hidden-5/manifest.json");
    CheckpointManifest manifest = save(5);
    assertThat(network.open()).isZero();
    assertThat(store.newest("hidden")).contains(manifest);
  }

  @Test
  void storageThatRefusesAndDelaysForAWhileOnlyCostsTime() {
    network.plan(Fault.REFUSE, 1, "PUT", run);
    network.plan(Fault.REFUSE, 2, "PUT", "manifest.json");
    network.plan(Fault.DELAY, 1, "PUT", "manifest.json");
    network.plan(Fault.REFUSE, 1, "GET", "part-0");
    CheckpointManifest manifest = save(5);
    assertThat(loaded(manifest)).containsExactly(VALUES);
    assertThat(network.open()).isZero();
  }

  @Test
  void bodyThatIsCutShortIsReadAgain() {
    CheckpointManifest manifest = save(5);
    network.plan(Fault.CUT_REPLY, 1, "GET", "part-0");
    assertThat(loaded(manifest)).containsExactly(VALUES);
    assertThat(network.open()).isZero();
  }

  @Test
  void flippedBitIsFoundWhereverItHappens() throws IOException {
    CheckpointManifest manifest = save(5);
    network.plan(Fault.FLIP_BIT, 1, "GET", "part-0");
    assertThatThrownBy(() -> loaded(manifest))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("part-0.safetensors is corrupt");
    assertThat(loaded(manifest)).containsExactly(VALUES);

    byte[] stored = Files.readAllBytes(file(manifest, 0));
    stored[stored.length / 2] ^= 1;
    Files.write(file(manifest, 0), stored);
    assertThat(store.problems(manifest)).singleElement().asString().contains("part-0", "SHA-256");
  }

  @Test
  void oldCheckpointsAndOrphansAreDeletedAndRunningSavesAreNot() {
    CheckpointSave stale = begin(2);
    for (long step : new long[] {1, 3, 4}) {
      save(step);
    }
    CheckpointSave running = begin(5);
    assertThat(store.prune("hidden", 2)).containsExactly("hidden-2", "hidden-1");
    List<String> left = new ArrayList<>();
    store.inspect().forEach(c -> left.add(c.name() + " " + c.state() + " " + c.unpublished()));
    assertThat(left)
        .containsExactly(
            "hidden-2 ABANDONED 0",
            "hidden-3 COMPLETE 0",
            "hidden-4 COMPLETE 0",
            "hidden-5 UNFINISHED 1");

    assertThatThrownBy(() -> stale.publish(SingleProcess.create()))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("gone on without it");
    running.publish(SingleProcess.create());
    assertThat(loaded(store.newest("hidden").orElseThrow())).containsExactly(VALUES);
  }
}
