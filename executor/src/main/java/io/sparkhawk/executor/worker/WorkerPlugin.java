package io.sparkhawk.executor.worker;

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

  /** One Spark application has one plugin of a kind in each process. */
  private static final AtomicReference<PluginContext> CONTEXT = new AtomicReference<>();

  @Override
  public void init(PluginContext context, Map<String, String> extraConf) {
    CONTEXT.set(context);
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
