package io.sparkhawk.executor.worker;

import io.sparkhawk.executor.logging.LogFormat;
import io.sparkhawk.executor.logging.LogPlace;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;

/**
 * The executor's end of the line to the coordinator: keeps what Spark gives a plugin where the
 * process's task finds it.
 *
 * <p>Spark calls {@link #init} and {@link #shutdown} once each, on the thread that starts and ends
 * the executor. Tasks ask on their own threads.
 */
public final class WorkerPlugin implements ExecutorPlugin {

  /** Key of the run's name in what the driver's end tells the executors. */
  public static final String RUN = "run";

  /** Key of a {@link LogFormat}'s name, likewise. */
  public static final String LOG_FORMAT = "logFormat";

  /** One Spark application has one plugin of a kind in each process. */
  private static final AtomicReference<PluginContext> CONTEXT = new AtomicReference<>();

  /** What the driver tells of how to log: {@link #RUN} and {@link #LOG_FORMAT}. */
  @Override
  public void init(PluginContext context, Map<String, String> extraConf) {
    CONTEXT.set(context);
    LogPlace.enterRun(extraConf.getOrDefault(RUN, ""));
    LogFormat.valueOf(extraConf.getOrDefault(LOG_FORMAT, LogFormat.TEXT.name()))
        .use("executor " + context.executorID());
  }

  @Override
  public void shutdown() {
    CONTEXT.set(null);
  }

  /**
   * Asks the coordinator and waits for its answer, at most {@code spark.rpc.askTimeout}. Any thread
   * of the executor may call it.
   */
  static CoordinatorReply ask(CoordinatorMessage message) {
    PluginContext context = CONTEXT.get();
    if (context == null) {
      throw new IllegalStateException(
          "the coordinator's plugin is not among spark.plugins of this executor");
    }
    try {
      return Wire.read(context.ask(Wire.write(message)), CoordinatorReply.class);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("the coordinator cannot be asked: " + e.getMessage(), e);
    }
  }
}
