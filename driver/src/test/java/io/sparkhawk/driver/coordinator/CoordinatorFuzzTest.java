package io.sparkhawk.driver.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.worker.CoordinatorMessage;
import io.sparkhawk.executor.worker.CoordinatorMessage.Failed;
import io.sparkhawk.executor.worker.CoordinatorMessage.Finished;
import io.sparkhawk.executor.worker.CoordinatorMessage.Heartbeat;
import io.sparkhawk.executor.worker.CoordinatorMessage.Join;
import io.sparkhawk.executor.worker.CoordinatorReply;
import io.sparkhawk.executor.worker.GenerationId;
import io.sparkhawk.executor.worker.WorkerEvent;
import io.sparkhawk.executor.worker.WorkerFailure;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Messages with values that no worker of ours would send. */
@Timeout(60)
class CoordinatorFuzzTest {

  private static final GenerationId ID = new GenerationId("stage matrix", 1);
  private static final int WORLD = 3;
  private static final int CASES = 5000;

  private static final int[] NUMBERS = {
    0, 1, 2, 3, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 65536
  };
  private static final List<String> TEXTS =
      List.of("", "0", "%s%n", "host:1", ":", "::1:5", "a\u0000b\u202e", "x".repeat(10_000));

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** On the heap, for one message: its longest text is 10,000 characters. */
  private static final long MOST_BYTES = 1 << 20;

  /** Every message is answered at once, whatever came before, and within a bound of memory. */
  @Test
  void everyMessageIsAnswered() {
    long seed = Long.getLong("sparkhawk.fuzz.seed", System.nanoTime());
    System.out.println("CoordinatorFuzzTest seed " + seed);
    Random random = new Random(seed);
    int placed = 0;
    int stopped = 0;
    for (int round = 0; round < CASES / 20; round++) {
      Coordinator coordinator =
          new Coordinator(
              new RingSecrets(Optional.empty()),
              new RingSecurity(random.nextBoolean(), random.nextBoolean()),
              InstantSource.system());
      coordinator.open(ID, WORLD, WorkerTimeouts.DEFAULT, 2);
      for (int i = 0; i < 20; i++) {
        CoordinatorMessage message = message(random);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        CoordinatorReply reply = coordinator.receive(message);
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(reply).as("seed %d: %s", seed, message).isNotNull();
        assertThat(allocated).as("seed %d: %s", seed, message).isLessThan(MOST_BYTES);
        placed += reply instanceof CoordinatorReply.Placed ? 1 : 0;
        stopped += reply instanceof CoordinatorReply.Stop ? 1 : 0;
        coordinator.checkTime();
      }
    }
    assertThat(placed).isPositive();
    assertThat(stopped).isPositive();
  }

  private static CoordinatorMessage message(Random random) {
    GenerationId id = random.nextInt(8) == 0 ? new GenerationId(text(random), 1) : ID;
    int rank = number(random);
    return switch (random.nextInt(4)) {
      case 0 -> new Finished(id, rank);
      case 1 -> new Heartbeat(id, rank, random.nextLong(), List.of(event(random)));
      case 2 ->
          random.nextInt(20) == 0
              ? new Failed(id, rank, WorkerFailure.infrastructure(text(random)))
              : new Heartbeat(id, rank, number(random), List.of());
      default -> {
        int world = random.nextInt(8) == 0 ? 65536 : WORLD;
        yield new Join(id, random.nextInt(WORLD), world, text(random), "host:1");
      }
    };
  }

  private static WorkerEvent event(Random random) {
    return switch (random.nextInt(4)) {
      case 3 -> new WorkerEvent.CheckpointReady(text(random), random.nextLong());
      case 0 -> new WorkerEvent.MemoryPlanned(random.nextLong(), random.nextLong());
      case 1 ->
          new WorkerEvent.CheckpointPublished(
              new PublishedCheckpoint(
                  text(random), random.nextLong(), text(random), random.nextLong()));
      default ->
          new WorkerEvent.StepDone(
              new StepMetrics(
                  StageKind.MATRIX,
                  random.nextLong(),
                  random.nextLong(),
                  random.nextLong(),
                  Double.NaN,
                  List.of(),
                  Double.POSITIVE_INFINITY,
                  -1,
                  0,
                  0,
                  0,
                  random.nextDouble()));
    };
  }

  private static int number(Random random) {
    return NUMBERS[random.nextInt(NUMBERS.length)];
  }

  private static String text(Random random) {
    return TEXTS.get(random.nextInt(TEXTS.size()));
  }

  /** Spark brings messages in Java's form; records are checked there as when they are made. */
  @Test
  void messageThatCannotBeMadeCannotBeReceived() throws Exception {
    Join join = new Join(ID, 1, 2, "7", "host:1");
    assertThat(received(bytes(join))).isEqualTo(join);
    assertThatThrownBy(() -> received(replaced(bytes(join), 2, -2)))
        .hasStackTraceContaining("worldSize must be positive");
  }

  private static byte[] bytes(Object message) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(message);
    }
    return bytes.toByteArray();
  }

  private static Object received(byte[] bytes) throws IOException, ClassNotFoundException {
    try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
      return in.readObject();
    }
  }

  /** Rank and world size stand one after the other: 1 and 2. */
  private static byte[] replaced(byte[] bytes, int old, int value) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    String from = "\0\0\0\1\0\0\0" + (char) old;
    assertThat(text).contains(from);
    byte[] number = ByteBuffer.allocate(4).putInt(value).array();
    return text.replace(from, "\0\0\0\1" + new String(number, StandardCharsets.ISO_8859_1))
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  @Test
  void workersOnSeveralHostsNeedTheSetting() {
    Coordinator refusing = coordinator(new RingSecurity(false, true));
    CoordinatorReply reply = joined(refusing, "node-1:4000", "node-2:4000");
    assertThat(reply).isInstanceOf(CoordinatorReply.Stop.class);
    WorkerFailure failure = refusing.failure().orElseThrow();
    assertThat(failure.kind()).isEqualTo(WorkerFailure.Kind.CONFIGURATION);
    assertThat(failure.message())
        .contains("node-1, node-2", "unencrypted", "security.allow-unencrypted-gradients");

    assertThat(joined(coordinator(new RingSecurity(true, true)), "node-1:4000", "node-2:4000"))
        .isInstanceOf(CoordinatorReply.Placed.class);
    assertThat(joined(coordinator(new RingSecurity(false, false)), "node-1:4000", "node-1:4001"))
        .isInstanceOf(CoordinatorReply.Placed.class);
  }

  private static Coordinator coordinator(RingSecurity security) {
    Coordinator coordinator =
        new Coordinator(new RingSecrets(Optional.empty()), security, InstantSource.system());
    coordinator.open(ID, 2, WorkerTimeouts.DEFAULT, 2);
    return coordinator;
  }

  /** The answer to the last of them, who is the first to hear where all are. */
  private static CoordinatorReply joined(Coordinator coordinator, String... addresses) {
    AtomicInteger rank = new AtomicInteger();
    return Stream.of(addresses)
        .map(
            address ->
                coordinator.receive(
                    new Join(ID, rank.getAndIncrement(), addresses.length, "7", address)))
        .reduce((earlier, later) -> later)
        .orElseThrow();
  }

  @Test
  void whatTravelsInTheClearIsSaid() {
    List<String> places = List.of("a:1", "b:1", "a:2");
    assertThat(new RingSecurity(true, true).warning(places).orElseThrow())
        .contains("hosts a, b")
        .doesNotContain("secret");
    assertThat(new RingSecurity(true, false).warning(places).orElseThrow())
        .contains("secret", "spark.authenticate", "spark.network.crypto.enabled");
    assertThat(new RingSecurity(true, false).warning(List.of("a:1", "a:2"))).isEmpty();
  }
}
