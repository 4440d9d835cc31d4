package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.InfrastructureException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.TaskSchedulerImpl;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The executors of a Spark application. A cluster's manager starts lost ones anew by itself; on
 * this machine {@link LocalProcessBackend} is asked to.
 */
final class ClusterSlots implements Slots {

  private static final long LOOK_AGAIN_MILLIS = 50;

  /** For tasks that were told to end, before their executors are ended. */
  private static final Duration CLEARING = Duration.ofSeconds(5);

  private final SparkContext context;

  ClusterSlots(SparkContext context) {
    this.context = context;
  }

  @Override
  public int available() {
    return context.maxNumConcurrentTasks(context.resourceProfileManager().defaultResourceProfile());
  }

  @Override
  public int await(int wanted, Duration limit) {
    waitUntil(
        () -> {
          replaceLost(); // one may be lost while another is awaited
          return available() >= wanted || noneWillCome();
        },
        limit);
    return available();
  }

  @Override
  public void replaceLost() {
    if (context.schedulerBackend() instanceof LocalProcessBackend local) {
      local.replaceLost();
    }
  }

  @Override
  public void clear() {
    waitUntil(() -> busy().isEmpty(), CLEARING);
    busy().forEach(context::killAndReplaceExecutor);
  }

  /** On this machine no process appears by itself. */
  private boolean noneWillCome() {
    return context.schedulerBackend() instanceof LocalProcessBackend local
        && available() >= local.processes();
  }

  private List<String> busy() {
    if (context.isStopped()) {
      return List.of();
    }
    Map<String, Object> tasks =
        CollectionConverters.asJava(
            ((TaskSchedulerImpl) context.taskScheduler()).runningTasksByExecutors());
    return tasks.entrySet().stream()
        .filter(executor -> (Integer) executor.getValue() > 0)
        .map(Map.Entry::getKey)
        .toList();
  }

  private void waitUntil(BooleanSupplier condition, Duration limit) {
    long deadline = System.nanoTime() + limit.toNanos();
    while (!stopped() && !condition.getAsBoolean() && System.nanoTime() - deadline < 0) {
      try {
        TimeUnit.MILLISECONDS.sleep(LOOK_AGAIN_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InfrastructureException("Interrupted while waiting for executors.", e);
      }
    }
  }

  private boolean stopped() {
    if (context.isStopped()) {
      throw new InfrastructureException(
          "The Spark application at "
              + context.master()
              + " was ended from outside. Run the same command again to continue from the newest"
              + " checkpoint.");
    }
    return false;
  }
}
