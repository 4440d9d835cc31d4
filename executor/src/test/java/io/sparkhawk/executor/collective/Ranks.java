package io.sparkhawk.executor.collective;

import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/** Test help: the ranks of a ring, as threads of this process over real sockets. */
public final class Ranks {

  static final byte[] SECRET = "a secret of sixteen bytes or more".getBytes(StandardCharsets.UTF_8);
  static final Duration TIMEOUT = Duration.ofSeconds(20);

  private Ranks() {}

  /** What one rank does. */
  @FunctionalInterface
  public interface Body<T> {
    T run(Collective collective) throws Exception;
  }

  /** Joins a ring on every rank, runs {@code body} there and returns the results in rank order. */
  public static <T> List<T> onEach(int worldSize, Body<T> body) throws Exception {
    return onEach(worldSize, TIMEOUT, body);
  }

  static <T> List<T> onEach(int worldSize, Duration timeout, Body<T> body) throws Exception {
    return inThreads(tasks(worldSize, timeout, body));
  }

  /** As {@link #onEach}, for ranks that fail, while joining or later; null where one does not. */
  static List<Throwable> failuresOfEach(int worldSize, Duration timeout, Body<?> body)
      throws Exception {
    List<Callable<Throwable>> tasks = new ArrayList<>();
    for (Callable<?> task : tasks(worldSize, timeout, body)) {
      tasks.add(() -> catchThrowable(task::call));
    }
    return inThreads(tasks);
  }

  private static <T> List<Callable<T>> tasks(int worldSize, Duration timeout, Body<T> body) {
    List<RingListener> listeners = listeners(worldSize);
    List<String> addresses = listeners.stream().map(RingListener::address).toList();
    List<Callable<T>> tasks = new ArrayList<>();
    for (int rank = 0; rank < worldSize; rank++) {
      RingListener listener = listeners.get(rank);
      RingPlace place = new RingPlace(7, rank, addresses);
      tasks.add(
          () -> {
            try (Collective collective = listener.join(place, SECRET, timeout)) {
              return body.run(collective);
            }
          });
    }
    return tasks;
  }

  static List<RingListener> listeners(int worldSize) {
    List<RingListener> listeners = new ArrayList<>();
    for (int rank = 0; rank < worldSize; rank++) {
      listeners.add(RingListener.open("127.0.0.1"));
    }
    return listeners;
  }

  /** Runs the tasks at the same time; the first failure of a task is thrown, if there is any. */
  static <T> List<T> inThreads(List<Callable<T>> tasks) throws Exception {
    List<FutureTask<T>> futures = start(tasks);
    List<T> results = new ArrayList<>();
    Exception failure = null;
    for (FutureTask<T> future : futures) {
      try {
        results.add(future.get(60, TimeUnit.SECONDS));
      } catch (ExecutionException e) {
        failure = failure == null && e.getCause() instanceof Exception cause ? cause : failure;
        if (e.getCause() instanceof Error error) {
          throw error;
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
    return results;
  }

  static <T> List<FutureTask<T>> start(List<Callable<T>> tasks) {
    List<FutureTask<T>> futures = tasks.stream().map(FutureTask::new).toList();
    for (FutureTask<T> future : futures) {
      Thread thread = new Thread(future);
      thread.setDaemon(true);
      thread.start();
    }
    return futures;
  }

  /** A direct buffer of these values. */
  public static ByteBuffer buffer(float... values) {
    ByteBuffer buffer =
        ByteBuffer.allocateDirect(values.length * Float.BYTES).order(ByteOrder.nativeOrder());
    buffer.asFloatBuffer().put(values);
    return buffer;
  }

  /** The values of a buffer, from its position to its limit. */
  public static float[] floats(ByteBuffer buffer) {
    FloatBuffer floats = buffer.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer();
    float[] values = new float[floats.remaining()];
    floats.get(values);
    return values;
  }
}
