package io.sparkhawk.data.sample;

import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * What one thread of one process on this machine holds at a time. The system releases it when the
 * process ends, however it ends. Whoever waits for a process that makes no progress, as it was
 * stopped or its storage hangs, goes on without it after a while; so this saves work, and
 * correctness must not rest on it.
 */
final class FileMutex implements AutoCloseable {

  private static final long POLL_MILLIS = 20;

  /**
   * Locks of files belong to the process, and closing any channel of a file gives them back: so the
   * threads of this process take turns first.
   */
  private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  private final Path file;
  private final ReentrantLock thread;
  private final FileChannel channel;
  private final boolean held;

  private FileMutex(Path file, ReentrantLock thread, FileChannel channel, boolean held) {
    this.file = file;
    this.thread = thread;
    this.channel = channel;
    this.held = held;
  }

  /**
   * Waits until the file is free, or whoever holds it makes no progress for {@code patience}.
   *
   * @param file made if it is missing, and deleted in the end
   * @param progress any number that changes while the holder gets on
   */
  static FileMutex acquire(Path file, Duration patience, LongSupplier progress) throws IOException {
    ReentrantLock thread =
        THREADS.computeIfAbsent(file.toAbsolutePath(), key -> new ReentrantLock());
    try {
      thread.lockInterruptibly();
    } catch (InterruptedException e) {
      throw interrupted(file, e);
    }
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      return new FileMutex(file, thread, channel, lock(file, channel, patience, progress));
    } catch (IOException | RuntimeException e) {
      if (channel != null) {
        channel.close();
      }
      thread.unlock();
      throw e;
    }
  }

  private static boolean lock(
      Path file, FileChannel channel, Duration patience, LongSupplier progress) throws IOException {
    long seen = progress.getAsLong();
    long deadline = System.nanoTime() + patience.toNanos();
    FileLock lock = channel.tryLock();
    while (lock == null) {
      if (System.nanoTime() > deadline) {
        long now = progress.getAsLong();
        if (now == seen) {
          return false;
        }
        seen = now;
        deadline = System.nanoTime() + patience.toNanos();
      }
      pause(file);
      lock = channel.tryLock();
    }
    return true;
  }

  private static void pause(Path file) {
    try {
      TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      throw interrupted(file, e);
    }
  }

  private static InfrastructureException interrupted(Path file, InterruptedException e) {
    Thread.currentThread().interrupt();
    return new InfrastructureException("Interrupted while waiting for " + file + ".", e);
  }

  /** Whether no other process has it: false if the wait was given up. */
  boolean held() {
    return held;
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      if (held) {
        Files.deleteIfExists(file);
      }
    } finally {
      thread.unlock();
    }
  }
}
