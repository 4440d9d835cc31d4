package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.InfrastructureException;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The ranks of a benchmark as processes of this host: JVMs with this one's class path and options,
 * which meet through {@link BenchmarkPeers}.
 */
final class BenchmarkProcesses {

  private static final long START_MINUTES = 2;
  private static final long RUN_HOURS = 24;
  private static final int SECRET_BYTES = 32;

  private final PrintWriter out;
  private final List<Process> processes = new ArrayList<>();
  private final List<CompletableFuture<String>> addresses = new ArrayList<>();
  private final List<CompletableFuture<Void>> outputs = new ArrayList<>();

  private BenchmarkProcesses(PrintWriter out) {
    this.out = out;
  }

  /**
   * Runs the ranks to their end; what the first prints goes to {@code out}.
   *
   * @param arguments of the command, without the rank
   * @throws InfrastructureException if one of them fails
   */
  static void run(int workers, List<String> arguments, PrintWriter out) {
    BenchmarkProcesses ranks = new BenchmarkProcesses(out);
    try {
      for (int rank = 0; rank < workers; rank++) {
        ranks.start(rank, arguments);
      }
      ranks.introduce();
      ranks.await();
    } finally {
      ranks.end();
    }
  }

  private void start(int rank, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.add(Main.class.getName());
    command.addAll(arguments);
    command.addAll(List.of("--rank", Integer.toString(rank)));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    try {
      Process process = builder.start();
      processes.add(process);
      CompletableFuture<String> address = new CompletableFuture<>();
      addresses.add(address);
      CompletableFuture<Void> output = new CompletableFuture<>();
      outputs.add(output);
      Thread reader =
          new Thread(
              () -> {
                read(rank, process, address);
                output.complete(null);
              },
              "benchmark-rank-" + rank);
      reader.setDaemon(true);
      reader.start();
    } catch (IOException e) {
      throw new InfrastructureException(
          "rank " + rank + " of the benchmark cannot be started: " + e.getMessage(), e);
    }
  }

  private void read(int rank, Process process, CompletableFuture<String> address) {
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith(BenchmarkPeers.ADDRESS)) {
          address.complete(line.substring(BenchmarkPeers.ADDRESS.length()));
        } else if (rank == 0) {
          out.println(line);
        }
      }
    } catch (IOException ignored) {
      // The process has ended; its exit code tells how.
    }
    out.flush();
    address.completeExceptionally(new IOException("it ended before it listened"));
  }

  private void introduce() {
    byte[] secret = new byte[SECRET_BYTES];
    new SecureRandom().nextBytes(secret);
    List<String> all = new ArrayList<>();
    for (int rank = 0; rank < addresses.size(); rank++) {
      all.add(get(rank, addresses.get(rank), START_MINUTES, TimeUnit.MINUTES));
    }
    for (int rank = 0; rank < processes.size(); rank++) {
      try {
        BufferedWriter in = processes.get(rank).outputWriter(StandardCharsets.UTF_8);
        in.write(BenchmarkPeers.invitation(secret, all));
        in.newLine();
        in.flush(); // and it stays open: its end tells the rank that this process is gone
      } catch (IOException e) {
        throw failure(rank, "cannot be reached: " + e.getMessage(), e);
      }
    }
  }

  /** Waits for all; where one fails the others need not wait for it. */
  private void await() {
    CompletableFuture<Integer> failed = new CompletableFuture<>();
    List<CompletableFuture<Void>> ends = new ArrayList<>();
    for (int i = 0; i < processes.size(); i++) {
      int rank = i;
      ends.add(
          processes
              .get(rank)
              .onExit()
              .thenAccept(
                  process -> {
                    if (process.exitValue() != 0) {
                      failed.complete(rank);
                    }
                  }));
    }
    CompletableFuture<Void> all =
        CompletableFuture.allOf(ends.toArray(new CompletableFuture<?>[0]));
    get(0, CompletableFuture.anyOf(all, failed), RUN_HOURS, TimeUnit.HOURS);
    if (failed.isDone()) {
      int rank = failed.join();
      throw failure(
          rank, "ended with exit code " + processes.get(rank).exitValue() + "; see above", null);
    }
    get(0, outputs.get(0), START_MINUTES, TimeUnit.MINUTES);
  }

  private static <T> T get(int rank, CompletableFuture<T> future, long time, TimeUnit unit) {
    try {
      return future.get(time, unit);
    } catch (ExecutionException e) {
      throw failure(rank, "failed: " + e.getCause().getMessage(), e.getCause());
    } catch (TimeoutException e) {
      throw failure(rank, "did not answer in %d %s".formatted(time, unit), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failure(rank, "was waited for, and that was interrupted", e);
    }
  }

  private static InfrastructureException failure(int rank, String reason, Throwable cause) {
    return new InfrastructureException("rank " + rank + " of the benchmark " + reason, cause);
  }

  private void end() {
    processes.forEach(Process::destroy);
  }
}
