package io.sparkhawk.driver.coordinator;

import io.sparkhawk.executor.logging.LogFormat;
import io.sparkhawk.executor.logging.LogPlace;
import io.sparkhawk.executor.worker.CoordinatorMessage;
import io.sparkhawk.executor.worker.Wire;
import io.sparkhawk.executor.worker.WorkerPlugin;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;

/**
 * Gives the {@link Coordinator} its line to the workers: the Spark plugin that {@code
 * spark.plugins} names.
 */
public final class CoordinatorPlugin implements SparkPlugin {

  /** A process has at most one Spark application, and Spark itself makes the plugin. */
  private static final AtomicReference<Coordinator> CURRENT = new AtomicReference<>();

  /** The coordinator of this process's Spark application. */
  public static Coordinator coordinator() {
    Coordinator coordinator = CURRENT.get();
    if (coordinator == null) {
      throw new IllegalStateException(
          "no Spark application with the plugin " + CoordinatorPlugin.class.getName());
    }
    return coordinator;
  }

  @Override
  public DriverPlugin driverPlugin() {
    return new DriverSide();
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new WorkerPlugin();
  }

  /**
   * Spark calls {@link #init} and {@link #shutdown} on the threads that start and stop the
   * application, and {@link #receive} on the single thread of the plugins' endpoint, which must not
   * block.
   */
  private static final class DriverSide implements DriverPlugin {

    @Override
    public Map<String, String> init(SparkContext context, PluginContext pluginContext) {
      SecurityManager security = context.env().securityManager();
      Optional<String> secret =
          security.isAuthenticationEnabled()
              ? Optional.of(security.getSecretKey())
              : Optional.empty();
      Coordinator coordinator =
          new Coordinator(
              new RingSecrets(secret), RingSecurity.of(context.conf()), InstantSource.system());
      context.addSparkListener(new LossListener(coordinator));
      CURRENT.set(coordinator);
      return Map.of(
          WorkerPlugin.RUN,
          LogPlace.current().run(),
          WorkerPlugin.LOG_FORMAT,
          LogFormat.current().name());
    }

    @Override
    public Object receive(Object message) {
      return Wire.write(coordinator().receive(Wire.read(message, CoordinatorMessage.class)));
    }

    @Override
    public void shutdown() {
      CURRENT.set(null);
    }
  }

  /** Passes on which executors Spark lost. Spark calls it on its listener thread. */
  private static final class LossListener extends SparkListener {

    private final Coordinator coordinator;

    LossListener(Coordinator coordinator) {
      this.coordinator = coordinator;
    }

    @Override
    public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
      coordinator.executorLost(removed.executorId(), removed.reason());
    }
  }
}
