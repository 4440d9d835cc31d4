package io.sparkhawk.driver.run;

import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.driver.launch.RunHold;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.util.ShutdownHookManager;

/** Renews a lease for as long as the process lives, and gives it back when the process ends. */
final class LeaseHeartbeat implements RunHold {

  private static final Duration PERIOD = RunLease.TERM.dividedBy(4);

  /** After Spark has stopped its executors, and before Hadoop closes its file systems. */
  private static final int HOOK_PRIORITY = FileSystem.SHUTDOWN_HOOK_PRIORITY + 5;

  private final RunLease lease;
  private final Runnable hook;
  private final ScheduledExecutorService thread;

  private LeaseHeartbeat(RunLease lease) {
    this.lease = lease;
    this.hook = lease::close;
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread heart = new Thread(work, "lease of the run");
              heart.setDaemon(true);
              return heart;
            });
  }

  /** Starts to renew the lease, which is closed with this. */
  static LeaseHeartbeat start(RunLease lease) {
    LeaseHeartbeat heartbeat = new LeaseHeartbeat(lease);
    ShutdownHookManager.get().addShutdownHook(heartbeat.hook, HOOK_PRIORITY);
    ScheduledFuture<?> unused =
        heartbeat.thread.scheduleWithFixedDelay(
            heartbeat::beat, PERIOD.toSeconds(), PERIOD.toSeconds(), TimeUnit.SECONDS);
    return heartbeat;
  }

  private void beat() {
    try {
      lease.renew();
    } catch (SparkhawkException e) {
      // A lost lease is told where it is required; a storage that fails is asked again at the next
      // beat.
      return;
    }
  }

  @Override
  public void requireNotLost() {
    lease.requireNotLost();
  }

  @Override
  public void requireHeld() {
    lease.requireHeld();
  }

  @Override
  public void close() {
    thread.shutdown();
    lease.close();
    if (!ShutdownHookManager.get().isShutdownInProgress()) {
      ShutdownHookManager.get().removeShutdownHook(hook);
    }
  }
}
