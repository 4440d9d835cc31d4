package io.sparkhawk.driver.launch;

import io.sparkhawk.data.error.InfrastructureException;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.launcher.JavaModuleOptions;
import org.apache.spark.rpc.RpcAddress;
import org.apache.spark.rpc.RpcEndpointAddress;
import org.apache.spark.scheduler.ExecutorExited;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.TaskSchedulerImpl;
import org.apache.spark.scheduler.cluster.CoarseGrainedSchedulerBackend;
import scala.Option;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;

/**
 * Starts, watches and ends the executor processes of {@link LocalProcessManager}.
 *
 * <p>An executor is a JVM with the driver's own class path. It works in a folder of its own below
 * {@link #FOLDER}, where {@link #LOG} holds what it printed. Executors listen on the loopback
 * interface only, and end by themselves when the driver is gone.
 */
final class LocalProcessBackend extends CoarseGrainedSchedulerBackend {

  /** Spark setting: the folder that holds the executors' folders. */
  static final String FOLDER = "spark.sparkhawk.local.folder";

  /** Name of the file that holds what an executor printed. */
  static final String LOG = "executor.log";

  private static final String LOOPBACK = "127.0.0.1";
  private static final long STOP_SECONDS = 5;

  /** Processes in a row that may end before they register until no more are started. */
  private static final int LARGEST_FAILED_STARTS = 5;

  private final SparkContext context;
  private final int executors;
  private final Map<String, Process> processes = new ConcurrentHashMap<>();
  private final Set<String> endedUnregistered = ConcurrentHashMap.newKeySet();
  private final AtomicInteger nextId = new AtomicInteger();
  private final AtomicInteger failedStarts = new AtomicInteger();
  private final AtomicInteger exited = new AtomicInteger();
  private volatile boolean stopping;

  LocalProcessBackend(SparkContext context, TaskSchedulerImpl scheduler, int executors) {
    super(scheduler, context.env().rpcEnv());
    this.context = context;
    this.executors = executors;
  }

  @Override
  public void start() {
    super.start();
    replaceLost();
  }

  /** Starts as many processes as are missing, unless none of the last ones came to work. */
  synchronized void replaceLost() {
    while (processes() < executors && failedStarts.get() < LARGEST_FAILED_STARTS && !stopping) {
      launch(Integer.toString(nextId.getAndIncrement()));
    }
  }

  /** Processes that live, whether they have registered yet or not. */
  int processes() {
    return processes.size();
  }

  /** True as well when executors ended before they registered: waiting longer would not help. */
  @Override
  public boolean sufficientResourcesRegistered() {
    return totalRegisteredExecutors().get() + exited.get() >= executors;
  }

  @Override
  public void stop() {
    stopping = true;
    super.stop();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(STOP_SECONDS);
    processes.values().forEach(process -> end(process, deadline));
  }

  /**
   * A closed connection says less than the exit of the process behind it; so the executor is
   * removed there, whichever of the two is seen first. One that was still registering when its
   * process ended is removed here: nothing else would follow.
   */
  @Override
  public DriverEndpoint createDriverEndpoint() {
    return new DriverEndpoint() {
      @Override
      public void onDisconnected(RpcAddress remoteAddress) {
        Option<String> executor = addressToExecutorId().get(remoteAddress);
        if (executor.isDefined() && endedUnregistered.contains(executor.get())) {
          super.onDisconnected(remoteAddress);
        }
      }
    };
  }

  /** Ends processes at once: they are given up, perhaps because they hang. */
  @Override
  public Future<Object> doKillExecutors(Seq<String> ids) {
    for (String id : CollectionConverters.asJava(ids)) {
      Process process = processes.remove(id);
      if (process != null) {
        process.destroyForcibly();
      }
    }
    return Future.successful(true);
  }

  private void launch(String id) {
    File folder = Path.of(conf().get(FOLDER), "executor-" + id).toFile();
    if (!folder.mkdirs()) {
      throw new InfrastructureException("The folder " + folder + " cannot be made.");
    }
    File log = new File(folder, LOG);
    ProcessBuilder builder =
        new ProcessBuilder(command(id))
            .directory(folder)
            .redirectErrorStream(true)
            .redirectOutput(log);
    builder.environment().putAll(environment());
    builder.environment().put("SPARK_EXECUTOR_DIRS", folder.toString());
    Process process;
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException("Executor " + id + " cannot be started", e);
    }
    processes.put(id, process);
    var unused = process.onExit().thenAccept(ended -> exited(id, ended, log));
  }

  private void exited(String id, Process process, File log) {
    exited.incrementAndGet();
    if (stopping) {
      processes.remove(id);
      return;
    }
    String reason = explain(process.exitValue()) + "; its log is " + log;
    boolean removed = removeIfRegistered(id, process, reason);
    processes.remove(id);
    if (removed) {
      return;
    }
    endedUnregistered.add(id);
    // Again, as it may have registered before that was noted.
    if (!removeIfRegistered(id, process, reason)) {
      failedStarts.incrementAndGet();
      // Spark tells nobody about an executor that ends before it registers.
      context
          .listenerBus()
          .post(new SparkListenerExecutorRemoved(System.currentTimeMillis(), id, reason));
    }
  }

  private boolean removeIfRegistered(String id, Process process, String reason) {
    boolean registered = CollectionConverters.asJava(getExecutorIds()).contains(id);
    if (registered) {
      failedStarts.set(0);
      removeExecutor(id, ExecutorExited.apply(process.exitValue(), true, reason));
    }
    return registered;
  }

  /** Exit codes above 128 are those of a process that a signal ended. */
  private static String explain(int exitCode) {
    return switch (exitCode) {
      case 128 + 9 -> "its process was killed (signal 9; often the machine was out of memory)";
      case 128 + 15 -> "its process was asked to end (signal 15)";
      default -> "its process ended with exit code " + exitCode;
    };
  }

  private static void end(Process process, long deadline) {
    try {
      if (!process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private List<String> command(String id) {
    SparkConf conf = conf();
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx" + context.executorMemory() + "m");
    command.addAll(List.of(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(startupOptions(conf));
    if (conf.contains("spark.executor.extraJavaOptions")) {
      command.addAll(
          CollectionConverters.asJava(
              org.apache.spark.util.Utils.splitCommandString(
                  conf.get("spark.executor.extraJavaOptions"))));
    }
    command.add("org.apache.spark.executor.CoarseGrainedExecutorBackend");
    command.addAll(
        List.of(
            "--driver-url",
            RpcEndpointAddress.apply(
                    conf.get("spark.driver.host"),
                    Integer.parseInt(conf.get("spark.driver.port")),
                    CoarseGrainedSchedulerBackend.ENDPOINT_NAME())
                .toString(),
            "--executor-id",
            id,
            "--hostname",
            LOOPBACK,
            "--bind-address",
            LOOPBACK,
            "--cores",
            conf.get("spark.executor.cores", "1"),
            "--app-id",
            applicationId()));
    return command;
  }

  /** Settings that an executor needs before it can ask the driver for the others; no secrets. */
  private static List<String> startupOptions(SparkConf conf) {
    return CollectionConverters.asJava(
        org.apache.spark.util.Utils.sparkJavaOpts(
            conf,
            new AbstractFunction1<String, Object>() {
              @Override
              public Object apply(String key) {
                return SparkConf.isExecutorStartupConf(key);
              }
            }));
  }

  private Map<String, String> environment() {
    Map<String, String> environment = new ConcurrentHashMap<>();
    // Not as an argument: the class path would fill every listing of processes.
    environment.put("CLASSPATH", System.getProperty("java.class.path"));
    for (Tuple2<String, String> entry : conf().getAllWithPrefix("spark.executorEnv.")) {
      environment.put(entry._1(), entry._2());
    }
    SecurityManager security = context.env().securityManager();
    if (security.isAuthenticationEnabled()) {
      environment.put(SecurityManager.ENV_AUTH_SECRET(), security.getSecretKey());
    }
    environment.putAll(CollectionConverters.asJava(security.getEnvironmentForSslRpcPasswords()));
    return environment;
  }
}
