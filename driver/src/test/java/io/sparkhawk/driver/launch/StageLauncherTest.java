package io.sparkhawk.driver.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.train.TrainingListener;
import io.sparkhawk.executor.worker.TcpRingOpener;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real executor processes on this machine, joined by the real ring. */
@Timeout(180)
class StageLauncherTest {

  private static final WorkerTimeouts TIMEOUTS =
      new WorkerTimeouts(
          Duration.ofSeconds(60),
          Duration.ofSeconds(60),
          Duration.ofMillis(200),
          Duration.ofSeconds(10));

  @TempDir private Path folder;

  private final Events events = new Events();
  private ClusterSession session;

  @AfterEach
  void close() {
    if (session != null) {
      session.close();
    }
  }

  @Test
  void everyWorkerIsAProcessOfItsOwnAndStagesFollowEachOther() {
    StageLauncher launcher = launcher(2);
    String first = launcher.run("stage matrix", 5, StageLauncherTest::sumOfRanks, events);
    assertThat(first).startsWith("15.0 ").doesNotContain(pid());
    assertThat(events.heard).containsExactly("step 1", "step 2", "checkpoint at /runs/x");

    String second = launcher.run("stage hidden", 7, StageLauncherTest::sumOfRanks, events);
    assertThat(second).startsWith("21.0 ");
  }

  @Test
  void aPartOfTheWorkersCanDoWorkBetweenThatOfAll() {
    StageLauncher launcher = launcher(2);
    assertThat(launcher.run("comparison", 1, 5, StageLauncherTest::sumOfRanks, events))
        .startsWith("5.0 ");
    assertThat(launcher.run("stage matrix", 5, StageLauncherTest::sumOfRanks, events))
        .startsWith("15.0 ");
  }

  @Test
  void oneWorkerNeedsNoRingAndMayLiveInTheDriver() {
    Properties inProcess = new Properties();
    inProcess.setProperty("spark.master", "local[1]");
    assertThat(launcher(1, inProcess).run("stage matrix", 5, StageLauncherTest::sumOfRanks, events))
        .isEqualTo("5.0 " + pid());
  }

  @Test
  void aDataErrorOfAWorkerArrivesAsItWasThrownAndTheWorkersCanBeUsedAgain() {
    StageLauncher launcher = launcher(2);
    DataException failure =
        catchThrowableOfType(
            DataException.class,
            () ->
                launcher.run(
                    "stage matrix",
                    1,
                    (plan, collective, listener) -> {
                      if (collective.rank() == 1) {
                        throw new DataException("Shard 3 of /data has a wrong checksum.");
                      }
                      collective.barrier();
                      return "not reached";
                    },
                    events));
    assertThat(failure).hasMessage("Shard 3 of /data has a wrong checksum.");
    assertThat(failure.exitCode()).isEqualTo(3);
    assertThat(failure.getCause()).hasMessageContaining("StageLauncherTest");
    assertThat(launcher.run("stage matrix", 5, StageLauncherTest::sumOfRanks, events))
        .startsWith("15.0 ");
  }

  @Test
  void aKilledExecutorIsNamedWithItsRankStepAndReason() {
    InfrastructureException failure =
        catchThrowableOfType(
            InfrastructureException.class,
            () ->
                launcher(2)
                    .run("stage matrix", 1, StageLauncherTest::waitForTheEnd, new Signal("-KILL")));
    assertThat(failure)
        .hasMessageContaining("(rank 0 on 127.0.0.1:")
        .hasMessageContaining("was lost in stage matrix after step 1")
        .hasMessageContaining("killed (signal 9");
  }

  @Test
  void aStoppedExecutorIsGivenUpAfterItsSilence() {
    InfrastructureException failure =
        catchThrowableOfType(
            InfrastructureException.class,
            () ->
                launcher(2)
                    .run("stage matrix", 1, StageLauncherTest::waitForTheEnd, new Signal("-STOP")));
    assertThat(failure)
        .hasMessageContaining("(rank 0 on 127.0.0.1:")
        .hasMessageContaining("has not been heard of for 10 s in stage matrix after step 1");
  }

  @Test
  void tooFewSlotsAreSaidWithNeededAndFound() {
    Properties oneSlot = new Properties();
    oneSlot.setProperty("spark.master", "sparkhawk-local[1]");
    assertThatThrownBy(
            () -> ClusterSession.start("test", cluster(2), oneSlot, folder, Duration.ofSeconds(1)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("needs 2 workers")
        .hasMessageContaining("offered 1");
  }

  @Test
  void anExecutorThatCannotStartIsSaidAtOnce() {
    ClusterSettings settings =
        new ClusterSettings(1, 1, "512m", Map.of("spark.executor.extraJavaOptions", "-Xms64g"));
    assertThatThrownBy(
            () ->
                ClusterSession.start(
                    "test", settings, new Properties(), folder, Duration.ofMinutes(1)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("Executor 0 did not start")
        .hasMessageContaining("exit code 1");
  }

  private static String sumOfRanks(Integer plan, Collective collective, TrainingListener listener) {
    listener.step(step(1));
    ByteBuffer values = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.nativeOrder());
    values.putFloat(values.capacity() - 4, plan * (collective.rank() + 1));
    collective.allReduceSum(values);
    listener.step(step(2));
    listener.checkpointPublished(new PublishedCheckpoint("matrix", 2, "/runs/x", 64));
    return values.getFloat(values.capacity() - 4) + " " + pid();
  }

  /** Rank 0 tells its process id and waits for its end; the others wait for rank 0. */
  private static String waitForTheEnd(
      Integer plan, Collective collective, TrainingListener listener) throws Exception {
    if (collective.rank() == 0) {
      listener.step(step(1));
      listener.checkpointPublished(new PublishedCheckpoint("matrix", 1, pid(), 64));
      new CountDownLatch(1).await(60, TimeUnit.SECONDS);
    }
    collective.barrier();
    return "not reached";
  }

  /** Sends a signal to the process whose id it hears. */
  private record Signal(String name) implements TrainingListener {

    @Override
    public void step(StepMetrics metrics) {}

    @Override
    public void checkpointPublished(PublishedCheckpoint checkpoint) {
      try {
        new ProcessBuilder("kill", name, checkpoint.location()).start().waitFor();
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static String pid() {
    return Long.toString(ProcessHandle.current().pid());
  }

  private static StepMetrics step(long step) {
    return new StepMetrics(
        StageKind.MATRIX, step, 2, step * 10, 1.5, List.of(), 1, 1e-3, 0.1, 0, 0, 0, 0.1, 0);
  }

  private StageLauncher launcher(int workers) {
    return launcher(workers, new Properties());
  }

  private StageLauncher launcher(int workers, Properties given) {
    session = ClusterSession.start("test", cluster(workers), given, folder, Duration.ofMinutes(2));
    return new StageLauncher(session, new TcpRingOpener(), TIMEOUTS);
  }

  private static ClusterSettings cluster(int workers) {
    // Executors that live for seconds start sooner with the quick compiler only.
    return new ClusterSettings(
        workers,
        1,
        "512m",
        Map.of("spark.executor.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"));
  }

  /** Writes down what it hears. */
  private static final class Events implements TrainingListener {

    private final List<String> heard = new ArrayList<>();

    @Override
    public void step(StepMetrics metrics) {
      heard.add("step " + metrics.step());
    }

    @Override
    public void checkpointPublished(PublishedCheckpoint checkpoint) {
      heard.add("checkpoint at " + checkpoint.location());
    }
  }
}
