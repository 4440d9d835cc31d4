package io.sparkhawk.data.sample;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FileMutexTest {

  private static final Duration LONG = Duration.ofMinutes(5);
  private static final Duration SHORT = Duration.ofMillis(100);

  @TempDir private Path folder;

  /** A process that holds the lock of a file until it is killed. */
  static final class Holder {
    private Holder() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
      try (FileChannel channel =
          FileChannel.open(
              Path.of(arguments[0]), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        channel.lock();
        System.out.println("held");
        TimeUnit.MINUTES.sleep(1);
      }
    }
  }

  private Process holder(Path file) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName(),
                file.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(process.inputReader().readLine()).isEqualTo("held");
    return process;
  }

  @Test
  void processThatIsKilledGivesTheFileBack() throws Exception {
    Path file = folder.resolve("lock");
    Process holder = holder(file);
    try {
      try (FileMutex mutex = FileMutex.acquire(file, SHORT, () -> 0)) {
        assertThat(mutex.held()).isFalse();
      }
      assertThat(file).exists();
      holder.destroyForcibly().waitFor();
      try (FileMutex mutex = FileMutex.acquire(file, LONG, () -> 0)) {
        assertThat(mutex.held()).isTrue();
      }
      assertThat(file).doesNotExist();
    } finally {
      holder.destroyForcibly();
    }
  }

  @Test
  void processThatGetsOnIsWaitedFor() throws Exception {
    Path file = folder.resolve("lock");
    Process holder = holder(file);
    try {
      AtomicLong progress = new AtomicLong();
      CompletableFuture<Boolean> held =
          CompletableFuture.supplyAsync(() -> acquire(file, progress));
      while (progress.get() < 5) {
        assertThat(held).isNotDone();
        Thread.onSpinWait();
      }
      holder.destroyForcibly();
      assertThat(held.get(30, TimeUnit.SECONDS)).isTrue();
    } finally {
      holder.destroyForcibly();
    }
  }

  private static boolean acquire(Path file, AtomicLong progress) {
    try (FileMutex mutex = FileMutex.acquire(file, SHORT, progress::incrementAndGet)) {
      return mutex.held();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void threadsOfAProcessTakeTurns() throws Exception {
    Path file = folder.resolve("lock");
    int[] inside = new int[1];
    CompletableFuture<?>[] threads = new CompletableFuture<?>[4];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = CompletableFuture.runAsync(() -> countAlone(file, inside));
    }
    CompletableFuture.allOf(threads).get(30, TimeUnit.SECONDS);
    assertThat(inside[0]).isEqualTo(400);
  }

  private static void countAlone(Path file, int[] inside) {
    for (int i = 0; i < 100; i++) {
      try (FileMutex mutex = FileMutex.acquire(file, LONG, () -> 0)) {
        assertThat(mutex.held()).isTrue();
        int before = inside[0];
        LockSupport.parkNanos(1); // lets another thread in, if it can get in
        inside[0] = before + 1;
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
  }
}
