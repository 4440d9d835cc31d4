package io.sparkhawk.testing;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * Gives a reader thousands of damaged inputs, and checks that it takes each of them or refuses it
 * in a sentence, within a time and with no more memory than was said.
 *
 * <p>The seed is printed; {@code -Dsparkhawk.fuzz.seed} sets it and {@code -Dsparkhawk.fuzz.cases}
 * the number of cases. Each case depends on the seed and its number alone.
 */
public final class Fuzz {

  /** Traces of a library or of the language where there should be a sentence. */
  private static final Pattern INTERNALS =
      Pattern.compile(
          "\tat |[a-z]\\.[A-Z]\\w*(Exception|Error)\\b|\\b(java|com|org)\\.\\w+\\.\\w+");

  private static final int USUAL_MESSAGE = 4000;
  private static final int LONGEST_SHOWN = 2000;

  /** No hang; the machine may be busy with other tests. */
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /** The first case loads classes and libraries. */
  private static final Duration FIRST = Duration.ofMinutes(1);

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final Class<? extends RuntimeException> refusal;
  private final String named;
  private final long baseBytes;
  private final long bytesPerByte;
  private final int longestMessage;

  private Fuzz(
      Class<? extends RuntimeException> refusal,
      String named,
      long baseBytes,
      long bytesPerByte,
      int longestMessage) {
    this.refusal = refusal;
    this.named = named;
    this.baseBytes = baseBytes;
    this.bytesPerByte = bytesPerByte;
    this.longestMessage = longestMessage;
  }

  /** What is given the inputs. */
  @FunctionalInterface
  public interface Reader {
    void read(byte[] input) throws Exception;
  }

  /** How many inputs were taken and how many refused. */
  public record Outcome(int taken, int refused) {}

  /**
   * Inputs are refused by exceptions of a class, in messages that name something.
   *
   * @param refusal the class
   * @param named what every message holds, such as the file's name
   */
  public static Fuzz refusedBy(Class<? extends RuntimeException> refusal, String named) {
    return new Fuzz(refusal, named, 1 << 20, 100, USUAL_MESSAGE);
  }

  /**
   * Bounds the memory that a reader may allocate on the Java heap for one input: {@code base} bytes
   * and {@code perByte} more for each of the input's.
   */
  public Fuzz within(long base, long perByte) {
    return new Fuzz(refusal, named, base, perByte, longestMessage);
  }

  /** Allows messages that list up to a hundred problems. */
  public Fuzz withLongMessages() {
    return new Fuzz(refusal, named, baseBytes, bytesPerByte, 110_000);
  }

  /**
   * Runs the cases.
   *
   * @param cases how many, unless the property says otherwise
   * @param inputs makes a case's input
   */
  public Outcome run(int cases, Function<Random, byte[]> inputs, Reader reader) {
    long seed = Long.getLong("sparkhawk.fuzz.seed", System.nanoTime());
    int count = Integer.getInteger("sparkhawk.fuzz.cases", cases);
    System.out.println("fuzz of " + named + ": seed " + seed + ", " + count + " cases");
    Run run = new Run(seed, count, inputs, reader);
    FutureTask<Outcome> task = new FutureTask<>(run::all);
    Thread thread = new Thread(task, "fuzz of " + named);
    thread.setDaemon(true);
    thread.start();
    while (true) {
      try {
        return task.get(100, TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        if (System.nanoTime() - run.started > (run.number == 0 ? FIRST : LIMIT).toNanos()) {
          AssertionError hang = new AssertionError(run.name() + " takes longer than " + LIMIT);
          hang.setStackTrace(thread.getStackTrace());
          throw hang;
        }
      } catch (ExecutionException e) {
        throw new AssertionError(e.getCause().getMessage() + "\n" + run.name(), e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError(run.name() + " was interrupted", e);
      }
    }
  }

  /** All cases of one seed, on one thread. */
  private final class Run {

    private final long seed;
    private final int count;
    private final Function<Random, byte[]> inputs;
    private final Reader reader;
    private volatile long started = System.nanoTime();
    private volatile int number;
    private volatile byte[] input = {};
    private long mostBytes;

    Run(long seed, int count, Function<Random, byte[]> inputs, Reader reader) {
      this.seed = seed;
      this.count = count;
      this.inputs = inputs;
      this.reader = reader;
    }

    String name() {
      byte[] bytes = input;
      byte[] head = Arrays.copyOf(bytes, Math.min(bytes.length, LONGEST_SHOWN));
      String shown = new String(head, StandardCharsets.ISO_8859_1).replaceAll("[^ -~\n]", "?");
      return "case %d of seed %d: %d bytes,\n%s".formatted(number, seed, bytes.length, shown);
    }

    Outcome all() {
      int taken = 0;
      for (int i = 0; i < count; i++) {
        number = i;
        input = inputs.apply(new Random(seed + 0x9e3779b97f4a7c15L * number));
        started = System.nanoTime();
        long before = THREADS.getCurrentThreadAllocatedBytes();
        taken += isTaken() ? 1 : 0;
        long bytes = THREADS.getCurrentThreadAllocatedBytes() - before;
        if (number == 0) {
          continue; // It loads classes.
        }
        mostBytes = Math.max(mostBytes, bytes);
        if (bytes > baseBytes + bytesPerByte * input.length) {
          throw new AssertionError("it allocated " + bytes + " bytes");
        }
      }
      System.out.println(
          "fuzz of %s: %d taken, %d refused, at most %d bytes allocated in a case"
              .formatted(named, taken, count - taken, mostBytes));
      return new Outcome(taken, count - taken);
    }

    private boolean isTaken() {
      try {
        reader.read(input);
        return true;
      } catch (Throwable thrown) {
        String message = thrown.getMessage();
        if (!refusal.isInstance(thrown)) {
          throw new AssertionError("it is refused by " + thrown, thrown);
        }
        if (message == null
            || !message.contains(named)
            || message.length() > longestMessage
            || INTERNALS.matcher(message).find()) {
          throw new AssertionError("its message is no sentence for a user: " + message, thrown);
        }
        return false;
      }
    }
  }
}
