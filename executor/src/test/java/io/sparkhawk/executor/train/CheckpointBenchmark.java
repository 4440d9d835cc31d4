package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.checkpoint.CheckpointContent;
import io.sparkhawk.executor.checkpoint.CheckpointPosition;
import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.checkpoint.RunHashes;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.tensor.Threads;
import io.sparkhawk.testing.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;

/**
 * Prints how long a checkpoint stops the training of one rank: {@code CheckpointBenchmark
 * [mebibytes] [rounds]}.
 *
 * <p>The state is one flat buffer of that size. Between checkpoints one thread multiplies matrices,
 * in place of training, until the checkpoint is published; what is measured is the time that it
 * spends in {@link StageSaves}.
 */
public final class CheckpointBenchmark {

  private static final int SIZE = 512;
  private static final int MULTIPLICATIONS = 10;
  private static final int EVERY = 1_000_000;

  private final NDArray state;
  private final NDArray matrix;
  private final int rounds;

  private CheckpointBenchmark(NDArray state, NDArray matrix, int rounds) {
    this.state = state;
    this.matrix = matrix;
    this.rounds = rounds;
  }

  public static void main(String[] arguments) throws IOException {
    long mebibytes = Long.parseLong(arguments.length > 0 ? arguments[0] : "512");
    int rounds = Integer.parseInt(arguments.length > 1 ? arguments[1] : "5");
    Threads.limit(1);
    Path folder = Files.createTempDirectory("sparkhawk-checkpoints");
    try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
        S3Server server = S3Server.start()) {
      CheckpointBenchmark benchmark =
          new CheckpointBenchmark(
              manager.ones(new Shape(mebibytes << 18)),
              manager.ones(new Shape(SIZE, SIZE)),
              rounds);
      benchmark.run("local disk", new Configuration(), folder.toString());
      server.bucket("checkpoints");
      Configuration s3 = new Configuration();
      server.hadoopSettings(server.port()).forEach(s3::set);
      benchmark.run("S3 server", s3, "s3a://checkpoints");
    } finally {
      FileUtils.deleteDirectory(folder.toFile());
    }
  }

  private void run(String what, Configuration hadoop, String folder) {
    for (boolean asynchronous : new boolean[] {false, true}) {
      String run = folder + "/" + (asynchronous ? "beside" : "waiting");
      measure(what, CheckpointStore.open(hadoop, run), asynchronous);
    }
  }

  private void measure(String what, CheckpointStore store, boolean asynchronous) {
    List<Double> stalls = new ArrayList<>();
    List<Double> published = new ArrayList<>();
    CheckpointSettings settings = new CheckpointSettings(EVERY, 1, asynchronous);
    try (StageSaves saves =
        new StageSaves(settings, Long.MAX_VALUE, store, SingleProcess.create())) {
      for (int round = 0; round <= rounds; round++) {
        long start = System.nanoTime();
        double stalled = save(saves, (round + 1L) * EVERY);
        if (round > 0) { // the first one warms up
          stalls.add(stalled);
          published.add((System.nanoTime() - start) / 1e9);
        }
      }
    }
    stalls.sort(null);
    published.sort(null);
    System.out.printf(
        Locale.ROOT,
        "%s, %d MiB, %s: training stops for %.0f ms (%.0f to %.0f), published after %.0f ms%n",
        what,
        state.size() >> 18,
        asynchronous ? "beside training" : "waiting",
        1e3 * stalls.get(rounds / 2),
        1e3 * stalls.get(0),
        1e3 * stalls.get(rounds - 1),
        1e3 * published.get(rounds / 2));
  }

  /** Saves at a step and goes on until that is published; returns the seconds spent in saving. */
  private double save(StageSaves saves, long due) {
    long stalled = 0;
    for (long step = due; ; step++) {
      long done = step;
      long start = System.nanoTime();
      boolean published = !saves.afterStep(step, memory -> content(done, memory)).isEmpty();
      stalled += System.nanoTime() - start;
      if (published) {
        return stalled / 1e9;
      }
      train();
    }
  }

  private CheckpointContent content(long step, HostMemory.Reader memory) {
    return new CheckpointContent(
        new CheckpointPosition("benchmark", step, false, step, step),
        new RunHashes("c", "d", "t"),
        Map.of(),
        memory.parts(state, 0, state.size()).stream()
            .map(
                part ->
                    CheckpointContent.Slice.float32(
                        "parameters", state.size(), part.first(), part.bytes()))
            .toList());
  }

  private void train() {
    try (TensorScope scope = TensorScope.open()) {
      for (int i = 0; i < MULTIPLICATIONS; i++) {
        matrix.matMul(matrix);
      }
    }
  }
}
