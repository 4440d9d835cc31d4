package io.sparkhawk.driver.launch;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.ExternalClusterManager;
import org.apache.spark.scheduler.SchedulerBackend;
import org.apache.spark.scheduler.TaskScheduler;
import org.apache.spark.scheduler.TaskSchedulerImpl;

/**
 * Spark's cluster manager for one machine: with the master {@code sparkhawk-local[N]} the driver
 * starts N executor processes itself.
 *
 * <p>Spark's own {@code local[N]} has no processes, and its {@code local-cluster} wants an
 * installed Spark, writes into it, and starts web servers on every interface. Spark finds this
 * class through {@link java.util.ServiceLoader}.
 */
public final class LocalProcessManager implements ExternalClusterManager {

  private static final Pattern MASTER = Pattern.compile("sparkhawk-local\\[(\\d+)]");

  /** The master URL that asks for this many executor processes. */
  static String master(int executors) {
    return "sparkhawk-local[" + executors + "]";
  }

  static boolean isMaster(String masterUrl) {
    return MASTER.matcher(masterUrl).matches();
  }

  @Override
  public boolean canCreate(String masterUrl) {
    return isMaster(masterUrl);
  }

  @Override
  public TaskScheduler createTaskScheduler(SparkContext context, String masterUrl) {
    return new TaskSchedulerImpl(context);
  }

  @Override
  public SchedulerBackend createSchedulerBackend(
      SparkContext context, String masterUrl, TaskScheduler scheduler) {
    Matcher master = MASTER.matcher(masterUrl);
    if (!master.matches()) {
      throw new IllegalArgumentException("not a master of this cluster manager: " + masterUrl);
    }
    return new LocalProcessBackend(
        context, (TaskSchedulerImpl) scheduler, Integer.parseInt(master.group(1)));
  }

  @Override
  public void initialize(TaskScheduler scheduler, SchedulerBackend backend) {
    ((TaskSchedulerImpl) scheduler).initialize(backend);
  }
}
