package io.sparkhawk.data.storage;

import io.sparkhawk.data.error.InfrastructureException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.util.concurrent.TimeUnit;

/**
 * Repeats what a storage failed to do, a bounded number of times, after pauses that double. It
 * comes on top of what a file system repeats by itself.
 *
 * @param attempts how often to try in all
 * @param firstPauseMillis the pause before the second attempt
 */
public record Retry(int attempts, long firstPauseMillis) {

  /** What is usual: three attempts within about a second. */
  public static final Retry USUAL = new Retry(3, 200);

  public Retry {
    if (attempts < 1 || firstPauseMillis < 0) {
      throw new IllegalArgumentException(attempts + " attempts, pause " + firstPauseMillis);
    }
  }

  /** Something that a storage may fail to do. */
  @FunctionalInterface
  public interface Attempt<T> {
    T run() throws IOException;
  }

  /**
   * Runs the attempt until it succeeds.
   *
   * @throws IOException the last failure; at once if the file is not there or may not be read
   * @throws InfrastructureException if the thread is interrupted in a pause
   */
  public <T> T call(Attempt<T> attempt) throws IOException {
    IOException failure = new IOException("not tried");
    for (int i = 1; i <= attempts; i++) {
      pauseBefore(i);
      try {
        return attempt.run();
      } catch (FileNotFoundException | AccessDeniedException e) {
        throw e;
      } catch (IOException e) {
        failure = e;
      }
    }
    throw failure;
  }

  /**
   * Waits as long as is due before an attempt, counted from 1.
   *
   * @throws InfrastructureException if the thread is interrupted
   */
  void pauseBefore(int attempt) {
    if (attempt == 1) {
      return;
    }
    try {
      TimeUnit.MILLISECONDS.sleep(firstPauseMillis << (attempt - 2));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("Interrupted while waiting for the storage.", e);
    }
  }
}
